/** A body from a stranger, bounded while it arrives: a length that lies gains nothing. */
import { joinBytes } from "./join.ts";

/**
 * @returns all of it; `too-large`, with what is still to come left in the stream; `broken` where the sender left, or sent
 *   what makes no body
 */
export async function readBounded(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | "too-large" | "broken"> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const chunk = await reader.read().catch(() => null);
    if (chunk === null) return "broken";
    const { done, value } = chunk;
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      reader.releaseLock();
      return "too-large";
    }
    chunks.push(value);
  }
  return joinBytes(chunks);
}
