/** Requests with an `Idempotency-Key`: within the policy's grace, a repeat gets the same container again. */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import type { KeyId } from "../../shared/ids.ts";
import { expandRuns, type KeyIdRun, packRuns } from "../../shared/keypool/key-id-run.ts";
import type { Idempotency, KeyGrant } from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import { findKeys, type FoundKeys, grantOf } from "./read-keys.ts";
import { busy } from "./refusals.ts";

interface Repeat {
  readonly requestDigest: string;
  readonly keys: readonly FoundKeys[];
}

/** Keys of an earlier request with the same Idempotency-Key; undefined where there are none (any more). */
export function findRepeat(
  pool: PoolContext,
  principal: string,
  idempotency: Idempotency | undefined,
  nowMs: number,
): Repeat | undefined {
  if (idempotency === undefined) return undefined;
  const row = pool.records.repeat(principal, idempotency.key, nowMs);
  if (row === undefined) return undefined;
  const keys = findKeys(pool, packRuns(row.keyIds as KeyId[]), nowMs);
  return keys.every((found) => found !== undefined) ? { requestDigest: row.requestDigest, keys } : undefined;
}

/** The answer to a repeat: its container, or why not; undefined where this is none. */
export function answerRepeat(
  pool: PoolContext,
  principal: string,
  idempotency: Idempotency | undefined,
  nowMs: number,
): Result<KeyGrant<KeyIdRun>, Fault> | undefined {
  const repeat = findRepeat(pool, principal, idempotency, nowMs);
  if (repeat === undefined) return undefined;
  if (repeat.requestDigest !== idempotency?.requestDigest) {
    return fail("idempotency-mismatch", "this Idempotency-Key was used for another request");
  }
  // Not the client's yet: the first of these requests is still under way.
  if (repeat.keys.some(({ record }) => record.state === "reserved")) return busy();
  return ok(grantOf(pool, repeat.keys));
}

/** @returns until when the record of these keys is kept for repeats; 0 where the client asked for none */
export const graceOf = (pool: PoolContext, idempotency: Idempotency | undefined, nowMs: number): number =>
  idempotency === undefined ? 0 : nowMs + pool.config().policy.delivery_grace_s * 1000;

export function rememberRepeat(
  pool: PoolContext,
  principal: string,
  idempotency: Idempotency | undefined,
  keyIds: readonly KeyIdRun[],
  expiresMs: number,
): void {
  if (idempotency === undefined) return;
  const { key, requestDigest } = idempotency;
  // Each by itself: the release before may be the one to read them.
  pool.records.insertRepeat({ principal, key, requestDigest, keyIds: expandRuns(keyIds), expiresMs });
}
