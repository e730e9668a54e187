/** Bodies of HTTP answers, bounded while they arrive: a `Content-Length` that lies gains nothing. */
import type { IncomingMessage } from "node:http";

/**
 * The whole body; the pieces it came in are wiped, as some hold keys.
 *
 * @param tooLong what the error shall say where there is more than `maxBytes`; the connection is closed then
 * @throws Error also where the body breaks off
 */
export async function readBounded(message: IncomingMessage, maxBytes: number, tooLong: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes > maxBytes) throw new Error(tooLong);
    }
    return Buffer.concat(chunks);
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}
