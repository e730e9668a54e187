/** Request bodies, bounded while they arrive: a `Content-Length` that lies gains nothing. */
import { parseJson } from "../../shared/bytes/json.ts";
import { fail, type Fault, type JsonValue } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";

const tooLarge = (maxBytes: number) => fail("body-too-large", `the body is larger than ${maxBytes} bytes`);

/** @returns the whole body (empty where there is none), or `body-too-large` */
export async function readBytes(request: Request, maxBytes: number): Promise<Result<Uint8Array, Fault>> {
  const declared = request.headers.get("Content-Length");
  if (declared !== null && Number(declared) > maxBytes) return tooLarge(maxBytes);
  if (request.body === null) return ok(new Uint8Array());
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined);
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

/** A JSON body, whatever its Content-Type says (`curl -d` says it is a form). @returns `body-too-large`, `bad-request` */
export async function readJson(request: Request, maxBytes: number): Promise<Result<JsonValue, Fault>> {
  const bytes = await readBytes(request, maxBytes);
  return bytes.ok ? parseJson(bytes.value, LIMITS.jsonDepth) : bytes;
}
