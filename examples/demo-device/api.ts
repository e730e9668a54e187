/** One end's ETSI GS QKD 014 V1.1.1 API: status, enc_keys and dec_keys, as POST and in their simple GET form. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseJson } from "../../shared/bytes/json.ts";
import { type Fault, fail, fault, HTTP_STATUS, mandatedFault } from "../../shared/errors/errors.ts";
import { parseKeyIds, parseKeyIdsQuery } from "../../shared/etsi014/key-ids.ts";
import {
  EMPTY_KEY_REQUEST,
  type KeyRequest,
  parseKeyRequest,
  parseKeyRequestQuery,
} from "../../shared/etsi014/key-request.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { type End, type Key, type KeyStore, otherEnd } from "./key-store.ts";

const DEFAULT_SIZE_BITS = 256;
const MAX_SIZE_BITS = 4096;
const MAX_KEYS = 1024;
const PATH = /^\/api\/v1\/keys\/(?<sae>[^/]+)\/(?<method>status|enc_keys|dec_keys)$/;

interface Question {
  readonly store: KeyStore;
  readonly end: End;
  readonly sae: string;
  readonly query: URLSearchParams;
  /** Null of a GET. */
  readonly body: string | null;
  readonly repeat: string | null;
}
type Answer = Result<unknown, Fault>;

const ANSWERS: Readonly<Record<string, (question: Question) => Answer>> = {
  status: ({ end, sae }) =>
    ok({
      source_KME_ID: `device-${end}`,
      target_KME_ID: `device-${otherEnd(end)}`,
      master_SAE_ID: `agent-${end}`,
      slave_SAE_ID: sae,
      key_size: DEFAULT_SIZE_BITS,
      stored_key_count: MAX_KEYS,
      max_key_count: MAX_KEYS,
      max_key_per_request: MAX_KEYS,
      max_key_size: MAX_SIZE_BITS,
      min_key_size: 8,
      max_SAE_ID_count: 0,
    }),

  enc_keys: ({ store, end, query, body, repeat }) => {
    const wish = body === null ? parseKeyRequestQuery(query) : keyRequestIn(body);
    if (!wish.ok) return wish;
    const { number, sizeBits, additionalSlaves, mandatory } = wish.value;
    const [count, size] = [number ?? 1, sizeBits ?? DEFAULT_SIZE_BITS];
    if (mandatory.length > 0) return err(mandatedFault("extension-mandatory-unsupported"));
    if (additionalSlaves.length > 0) return fail("bad-request", "additional_slave_SAE_IDs: not supported");
    if (size % 8 !== 0) return err(mandatedFault("size-not-octets"));
    if (count < 1 || count > MAX_KEYS) return fail("bad-request", `number: shall be 1 to ${MAX_KEYS}`);
    if (size < 8 || size > MAX_SIZE_BITS) return fail("bad-request", `size: shall be 8 to ${MAX_SIZE_BITS}`);
    const keys = store.enc(end, count, size / 8, repeat);
    return keys.ok ? ok(containerOf(keys.value)) : fail("not-enough-keys", "not enough keys available");
  },

  dec_keys: ({ store, end, query, body, repeat }) => {
    const ids = body === null ? parseKeyIdsQuery(query) : keyIdsIn(body);
    if (!ids.ok) return ids;
    const keys = store.dec(end, ids.value, repeat);
    return keys.ok ? ok(containerOf(keys.value)) : err(mandatedFault("key-not-found"));
  },
};

function keyRequestIn(body: string): Result<KeyRequest, Fault> {
  if (body === "") return ok(EMPTY_KEY_REQUEST);
  const json = parseJson(body, LIMITS.jsonDepth);
  return json.ok ? parseKeyRequest(json.value) : json;
}

function keyIdsIn(body: string): Result<readonly string[], Fault> {
  const json = parseJson(body, LIMITS.jsonDepth);
  return json.ok ? parseKeyIds(json.value) : json;
}

const containerOf = (keys: readonly Key[]) => ({
  keys: keys.map(({ id, bytes }) => ({ key_ID: id, key: bytes.toString("base64") })),
});

/** Serves one request of the agent at this end. */
export async function serve(
  store: KeyStore,
  end: End,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await answerTo(store, end, request);
  const text = JSON.stringify(
    answer.ok
      ? answer.value
      : { message: answer.error.message, ...(answer.error.details && { details: answer.error.details }) },
  );
  response.writeHead(answer.ok ? 200 : HTTP_STATUS[answer.error.code], { "content-type": "application/json" });
  response.end(text);
}

async function answerTo(store: KeyStore, end: End, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://device");
  const { sae, method } = PATH.exec(url.pathname)?.groups ?? {};
  const answer = ANSWERS[method ?? ""];
  if (answer === undefined || sae === undefined) return fail("not-found", "no such path");
  const isGet = request.method === "GET";
  if (!isGet && (request.method !== "POST" || method === "status")) {
    return err(fault("method-not-allowed", "this path has no such method"));
  }
  const body = isGet ? ok(null) : await bodyOf(request);
  if (!body.ok) return body;
  const header = request.headers["idempotency-key"];
  const repeat = typeof header === "string" ? header.slice(0, LIMITS.idempotencyKeyChars) : null;
  return answer({ store, end, sae, query: url.searchParams, body: body.value, repeat });
}

async function bodyOf(request: IncomingMessage): Promise<Result<string, Fault>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMITS.jsonBodyBytes) return fail("body-too-large", "the body is too large");
    chunks.push(chunk);
  }
  return ok(Buffer.concat(chunks).toString("utf8"));
}
