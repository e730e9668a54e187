/** `Idempotency-Key`: a client's wish to be able to repeat a request whose answer got lost. Granted by policy only. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { Idempotency } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Policy } from "../../shared/network/document.ts";
import { ok, type Result } from "../../shared/result.ts";

/** @returns null where the client does not ask or the policy does not grant it; `bad-request` for an unusable key */
export function readIdempotency(request: Request, body: Uint8Array, policy: Policy): Result<Idempotency | null, Fault> {
  const key = request.headers.get("Idempotency-Key");
  if (key === null || policy.delivery_grace_s === 0) return ok(null);
  if (key === "" || key.length > LIMITS.idempotencyKeyChars) {
    return fail("bad-request", `header Idempotency-Key: shall have 1 to ${LIMITS.idempotencyKeyChars} characters`);
  }
  const url = new URL(request.url);
  const digest = sha256.create();
  digest.update(new TextEncoder().encode(`${request.method} ${url.pathname}${url.search}\n`));
  digest.update(body);
  return ok({ key, requestDigest: toHex(digest.digest()) });
}
