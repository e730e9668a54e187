/**
 * Keys that others must take part in before anybody may use them: they stay `reserved` until all have, and are voided
 * everywhere where one cannot.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { EncKeysCall } from "../../shared/keypool/types.ts";
import { commit, type PoolContext } from "./context.ts";
import { notEnoughKeys } from "./refusals.ts";
import type { KeyRecord } from "./rows.ts";

/** Whose keys they are to be. */
type Wish = Pick<EncKeysCall, "principal" | "idempotency">;

/** Another pool, or this pool's other half. */
export interface Participant {
  /** Resolves once those it serves can fetch the keys from it. */
  readonly join: (record: KeyRecord, expiresMs: number) => Promise<Result<null, Fault>>;
  /** Takes that back; idempotent, and right too where it never joined. */
  readonly leave: (record: KeyRecord) => Promise<unknown>;
}

/**
 * Has all take part, then publishes the keys here.
 * @param expiresMs of the keys; by the policy, where it is not said
 * @returns the first fault, where any: the keys are voided then
 */
export async function publishWithAll(
  pool: PoolContext,
  call: Wish,
  record: KeyRecord,
  participants: readonly Participant[],
  expiresMs = Date.now() + pool.config().policy.key_ttl_s * 1000,
): Promise<Result<null, Fault>> {
  const joined = await Promise.all(participants.map(async ({ join }) => await join(record, expiresMs)));
  const failed = joined.find((result) => !result.ok);
  const published = failed ?? (await commit(pool, () => publish(pool, record.id, expiresMs)));
  if (published.ok) return published;
  await Promise.allSettled(participants.map(async ({ leave }) => await leave(record)));
  const voided = await commit(pool, () => voidReserved(pool, record.id, call));
  return voided.ok ? published : voided;
}

function publish(pool: PoolContext, id: number, expiresMs: number): Result<null, Fault> {
  const record = pool.records.byId(id);
  if (record === undefined) return notEnoughKeys(); // voided meanwhile
  publishRecord(pool, record, expiresMs);
  return ok(null);
}

function voidReserved(pool: PoolContext, id: number, call: Wish): Result<null, Fault> {
  if (call.idempotency !== undefined) pool.records.deleteRepeat(call.principal, call.idempotency.key);
  const record = pool.records.byId(id);
  if (record !== undefined) voidRecord(pool, record);
  return ok(null);
}

/** Inside a commit: a reserved record's keys may be fetched from now on. */
export function publishRecord(pool: PoolContext, record: KeyRecord, expiresMs: number): void {
  pool.records.update({ ...record, state: "pending", expiresMs });
  pool.books.move("reserved", "pending", bitsOf(record));
  pool.half.settle(record);
}

/** Inside a commit: a reserved record's keys nobody will ever have. */
export function voidRecord(pool: PoolContext, record: KeyRecord): void {
  pool.books.move("reserved", "voided", bitsOf(record));
  pool.half.ended(record);
  pool.books.endRecord(record);
}

const bitsOf = ({ keys, sizeBytes }: KeyRecord): number => keys * sizeBytes * 8;
