/** Request bodies, bounded while they arrive: a `Content-Length` that lies gains nothing. */
import { decodeUtf8, parseJson } from "../../shared/bytes/json.ts";
import { fail, type Fault, type JsonValue } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Incoming } from "./incoming.ts";

const tooLarge = (maxBytes: number) => fail("body-too-large", `the body is larger than ${maxBytes} bytes`);

/** @returns the whole body (empty where there is none), `body-too-large`, or `bad-request` where it broke off */
export async function readBytes(request: Incoming, maxBytes: number): Promise<Result<Uint8Array, Fault>> {
  if (typeof request.body === "string") return ok(new TextEncoder().encode(request.body));
  const declared = request.headers.get("Content-Length");
  if (declared !== null && Number(declared) > maxBytes) return tooLarge(maxBytes);
  if (request.body === null) return ok(new Uint8Array());
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  for (;;) {
    // The client left, or its chunks are malformed: no fault of ours.
    const chunk = await reader.read().catch(() => null);
    if (chunk === null) return fail("bad-request", "the body did not arrive whole");
    const { done, value } = chunk;
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      reader.releaseLock(); // what is still to come is `discardBody`'s
      return tooLarge(maxBytes);
    }
    chunks.push(value);
  }
  const [only, ...more] = chunks;
  if (only !== undefined && more.length === 0) return ok(only);
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return ok(bytes);
}

/**
 * Reads and drops what an answer left unread of a body, within bounds: the runtime hangs up on a client in mid-upload,
 * and the answer can get lost with the connection.
 */
export async function discardBody({ body }: Request): Promise<void> {
  if (body === null || body.locked) return;
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooSlow = new Promise<{ done: true }>((resolve) => {
    timer = setTimeout(() => resolve({ done: true }), LIMITS.lingerMs);
  });
  try {
    for (let left = LIMITS.networkBodyBytes; left > 0;) {
      const chunk = await Promise.race([reader.read(), tooSlow]);
      if (chunk.done) break;
      left -= chunk.value.length;
    }
  } catch {
    // The client has left.
  } finally {
    clearTimeout(timer);
  }
}

/** A body of text; of a batch's, the front has seen to the bound. @returns `body-too-large`, `bad-request` for no UTF-8 */
export async function readText(request: Incoming, maxBytes: number): Promise<Result<string, Fault>> {
  if (typeof request.body === "string") return ok(request.body);
  const bytes = await readBytes(request, maxBytes);
  return bytes.ok ? decodeUtf8(bytes.value) : bytes;
}

/** A JSON body, whatever its Content-Type says (`curl -d` says it is a form). @returns `body-too-large`, `bad-request` */
export async function readJson(request: Incoming, maxBytes: number): Promise<Result<JsonValue, Fault>> {
  const text = await readText(request, maxBytes);
  return text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
}
