/** ETSI GS QKD 014 clause 5.4, Get key with key IDs: each recipient takes each of its keys once. */
import { mandatedFault, type Fault, fail } from "../../shared/errors/errors.ts";
import type { SaeId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { countKeys, firstId, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { DecKeysCall, KeyGrant } from "../../shared/keypool/types.ts";
import { commit, commitLeased, hostedNodeOf, type PoolContext } from "./context.ts";
import { anyLeft, clearLeft, isLeft, nothingLeft } from "./left.ts";
import { findKeys, type FoundKeys, grantOf } from "./read-keys.ts";
import { answerRepeat, findRepeat, graceOf, rememberRepeat } from "./repeats.ts";
import type { KeyRecord } from "./rows.ts";

/**
 * Delivers all keys asked for, or none.
 * @param arrival waits for a key on its way, until the time given; false where it did not come
 */
export async function deliverKeys(
  pool: PoolContext,
  call: DecKeysCall<KeyIdRun>,
  arrival: (untilMs: number) => Promise<boolean>,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  const waitUntilMs = Date.now() + pool.config().policy.dec_wait_ms;
  for (;;) {
    const result = await commitLeased(pool, () => deliver(pool, call, Date.now()));
    if (!result.ok) return result;
    if (result.value !== ON_ITS_WAY) return ok(result.value);
    if (call.waits === false) return fail("on-its-way", "a key asked for is on its way");
    if (!(await arrival(waitUntilMs))) return await refuse(pool, call, mandatedFault("key-not-found"));
  }
}

/** A key that other pools have not acknowledged yet. */
const ON_ITS_WAY = null;

/** Says what `deliverKeys` would refuse, and changes nothing; null where it would deliver. */
export function checkKeys(pool: PoolContext, call: DecKeysCall<KeyIdRun>, nowMs: number): Fault | null {
  if (findRepeat(pool, call.principal, call.idempotency, nowMs) !== undefined) return null;
  const keys = find(pool, call, nowMs);
  return keys.ok ? null : keys.error;
}

/** The keys, where every single one may be delivered to the caller. */
function find(pool: PoolContext, call: DecKeysCall<KeyIdRun>, nowMs: number): Result<FoundKeys[], Fault> {
  const found = findKeys(pool, call.keyIds, nowMs);
  // One key of others poisons the whole request (clause 5.4), known or not the rest.
  const foreign = found.some((keys) => keys !== undefined && recipientIndex(keys.record, call.sae) === -1);
  if (foreign) return fail("unauthorised", "the key was not issued to this SAE");
  const mine = found.filter((keys): keys is FoundKeys => keys !== undefined && canFetch(pool, keys, call));
  return mine.length === found.length ? ok(mine) : err(mandatedFault("key-not-found"));
}

function canFetch(pool: PoolContext, { record, indices }: FoundKeys, call: DecKeysCall<KeyIdRun>): boolean {
  const recipient = recipientIndex(record, call.sae);
  const isHere = pool.half.serves(record.recipients[recipient]?.node ?? record.masterNode);
  if (!isHere || record.master !== call.master || (call.sizeBytes ?? record.sizeBytes) !== record.sizeBytes)
    return false;
  return indices.every((index) => index < record.keys && isLeft(record.left, recipient * record.keys + index));
}

const recipientIndex = (record: KeyRecord, sae: SaeId): number => record.recipients.findIndex((r) => r.sae === sae);

function deliver(
  pool: PoolContext,
  call: DecKeysCall<KeyIdRun>,
  nowMs: number,
): Result<KeyGrant<KeyIdRun> | typeof ON_ITS_WAY, Fault> {
  const repeated = answerRepeat(pool, call.principal, call.idempotency, nowMs);
  if (repeated !== undefined) return repeated;
  const found = find(pool, call, nowMs);
  if (!found.ok) {
    auditRefusal(pool, call, found.error, nowMs);
    return found;
  }
  const keys = found.value;
  if (keys.some(({ record }) => record.state === "reserved")) return ok(ON_ITS_WAY);
  const grant = grantOf(pool, keys);
  pool.useLease(countKeys(call.keyIds));
  const graceUntilMs = graceOf(pool, call.idempotency, nowMs);
  for (const [record, runs] of Map.groupBy(keys, (run) => run.record)) {
    const indices = runs.flatMap((run) => run.indices);
    takeKeys(pool, record, indices, { sae: call.sae, graceUntilMs, nowMs });
  }
  rememberRepeat(pool, call.principal, call.idempotency, call.keyIds, graceUntilMs);
  pool.books.audit({
    atMs: nowMs,
    act: "keys.dec",
    who: call.principal,
    node: nodeOf(pool, keys[0]?.record, call.sae),
    detail: { ...asked(call), master: call.master, pool: pool.pairName },
  });
  return ok(grant);
}

/** Marks keys as fetched by one recipient; the record goes with its last key. */
export function takeKeys(
  pool: PoolContext,
  record: KeyRecord,
  indices: readonly number[],
  by: { readonly sae: SaeId; readonly graceUntilMs: number; readonly nowMs: number },
): void {
  const recipient = recipientIndex(record, by.sae);
  const left = record.left.slice();
  const holdUntilMs = Math.max(record.holdUntilMs, by.graceUntilMs);
  for (const index of indices) clearLeft(left, recipient * record.keys + index);
  const finished = indices.filter((index) => !anyLeft(left, record.recipients.length, record.keys, index));
  pool.half.fetched(record, by.sae, indices);
  if (!record.imported) pool.books.move("pending", "delivered", finished.length * record.sizeBytes * 8);
  if (!nothingLeft(left)) {
    // What may be repeated is kept until the record ends.
    if (holdUntilMs <= by.nowMs) freeKeys(pool, record, finished);
    if (holdUntilMs === record.holdUntilMs) pool.records.updateLeft({ ...record, left });
    else pool.records.update({ ...record, left, holdUntilMs, expiresMs: Math.max(record.expiresMs, holdUntilMs) });
  } else if (holdUntilMs > by.nowMs) {
    pool.records.update({ ...record, state: "held", left, holdUntilMs, expiresMs: holdUntilMs });
  } else pool.books.endRecord(record);
}

function freeKeys(pool: PoolContext, { segments, sizeBytes }: KeyRecord, indices: readonly number[]): void {
  for (const index of indices) pool.books.free(segments, index * sizeBytes, (index + 1) * sizeBytes);
}

async function refuse(
  pool: PoolContext,
  call: DecKeysCall<KeyIdRun>,
  fault: Fault,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  return await commit(pool, () => {
    auditRefusal(pool, call, fault, Date.now());
    return err(fault);
  });
}

/** Refusals are what a probe looks like. */
function auditRefusal(pool: PoolContext, call: DecKeysCall<KeyIdRun>, fault: Fault, nowMs: number): void {
  pool.books.audit({
    atMs: nowMs,
    act: "keys.refused",
    who: call.principal,
    node: hostedNodeOf(pool),
    detail: { code: fault.code, ...asked(call), pool: pool.pairName },
  });
  if (!pool.probes.refused(call.principal, fault.code, nowMs)) return;
  const detail = "more requests within a minute than mistakes explain; who asks was refused";
  pool.standingAlarms.raise("key-ids-probed", call.principal, detail, { nowMs });
}

function asked({ keyIds }: DecKeysCall<KeyIdRun>): { readonly first_key_id: string | null; readonly keys: number } {
  const [first] = keyIds;
  return { first_key_id: first === undefined ? null : firstId(first), keys: countKeys(keyIds) };
}

const nodeOf = (pool: PoolContext, record: KeyRecord | undefined, sae: SaeId): string =>
  record?.recipients.find((recipient) => recipient.sae === sae)?.node ?? pool.pair.low;
