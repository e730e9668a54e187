/** `Idempotency-Key`: a client's wish to be able to repeat a request whose answer got lost. Granted by policy only. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { Idempotency } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Policy } from "../../shared/network/document.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Incoming } from "../middleware/incoming.ts";

/** @returns null where the client does not ask or the policy does not grant it; `bad-request` for an unusable key */
export function readIdempotency(request: Incoming, body: string, policy: Policy): Result<Idempotency | null, Fault> {
  const key = request.headers.get("Idempotency-Key");
  if (key === null || policy.delivery_grace_s === 0) return ok(null);
  if (key === "" || key.length > LIMITS.idempotencyKeyChars) {
    return fail("bad-request", `header Idempotency-Key: shall have 1 to ${LIMITS.idempotencyKeyChars} characters`);
  }
  const { pathname, search } = new URL(request.url);
  const digest = sha256.create();
  digest.update(new TextEncoder().encode(`${request.method} ${pathname}${search}\n${body}`));
  return ok({ key, requestDigest: toHex(digest.digest()) });
}

/**
 * The shard that serves a request with an Idempotency-Key: always the same one, whatever else the request says, since
 * only that one knows the key.
 */
export const shardOfRepeat = (principal: string, { key }: Idempotency, shards: number): number =>
  shardByHash(`${principal} ${key}`, shards);

/** Spreads texts over shards, each always to the same one. */
export function shardByHash(text: string, shards: number): number {
  const digest = sha256(new TextEncoder().encode(text));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) % shards;
}
