/** Request bodies, bounded while they arrive: a `Content-Length` that lies gains nothing. */
import type * as v from "valibot";
import { decodeUtf8, parseJson } from "../../shared/bytes/json.ts";
import { readBounded } from "../../shared/bytes/read-bounded.ts";
import { fail, type Fault, type JsonValue } from "../../shared/errors/errors.ts";
import { parseMembers } from "../../shared/errors/members.ts";
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
  const bytes = await readBounded(request.body, maxBytes);
  if (bytes === "too-large") return tooLarge(maxBytes); // what is still to come is `discardBody`'s
  // The client left, or its chunks are malformed: no fault of ours.
  return bytes === "broken" ? fail("bad-request", "the body did not arrive whole") : ok(bytes);
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

/** A JSON body that is an object with these members. @returns `body-too-large`, `bad-request` */
export async function readMembers<Schema extends v.GenericSchema>(
  { request, maxBodyBytes }: { readonly request: Incoming; readonly maxBodyBytes: number },
  schema: Schema,
): Promise<Result<v.InferOutput<Schema>, Fault>> {
  const body = await readJson(request, maxBodyBytes);
  return body.ok ? parseMembers(schema, body.value, "the body") : body;
}
