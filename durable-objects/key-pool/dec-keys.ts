/** ETSI GS QKD 014 clause 5.4, Get key with key IDs: each recipient takes each of its keys once. */
import { mandatedFault, type Fault, fail } from "../../shared/errors/errors.ts";
import type { SaeId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { DecKeysCall, KeyGrant } from "../../shared/keypool/types.ts";
import { commit, openUnits, type OpenedUnits, type PoolContext, wipe } from "./context.ts";
import { busy, findRepeat, repeatOf, rememberRepeat } from "./enc-keys.ts";
import { anyLeft, clearLeft, isLeft, nothingLeft } from "./left.ts";
import { closedUnits, findKeys, type FoundKey, grantOf } from "./read-keys.ts";
import type { KeyRecord } from "./rows.ts";

const ATTEMPTS = 8;

/** What stands in the way of a delivery. */
type Obstacle = { readonly units: readonly number[] } | { readonly onItsWay: true };
type Outcome = { readonly grant: KeyGrant } | { readonly obstacle: Obstacle };

/**
 * Delivers all keys asked for, or none.
 * @param arrival waits for a key on its way, until the time given; false where it did not come
 */
export async function deliverKeys(
  pool: PoolContext,
  call: DecKeysCall,
  arrival: (untilMs: number) => Promise<boolean>,
): Promise<Result<KeyGrant, Fault>> {
  const waitUntilMs = Date.now() + pool.config().policy.dec_wait_ms;
  const opened: OpenedUnits = new Map();
  try {
    for (let attempt = 0; attempt < ATTEMPTS;) {
      const repeated = await repeatOf(pool, call.principal, call.idempotency);
      if (repeated !== undefined) return repeated;
      const result = await commit(pool, () => deliver(pool, call, opened, Date.now()));
      if (!result.ok) return result;
      if ("grant" in result.value) return ok(result.value.grant);
      const { obstacle } = result.value;
      if ("units" in obstacle) {
        await openUnits(pool, obstacle.units, opened);
        attempt++;
      } else if (!(await arrival(waitUntilMs))) return await refuse(pool, call, mandatedFault("key-not-found"));
    }
    return busy();
  } finally {
    wipe(opened);
  }
}

/** Says what `deliverKeys` would refuse, and changes nothing; null where it would deliver. */
export function checkKeys(pool: PoolContext, call: DecKeysCall, nowMs: number): Fault | null {
  if (call.idempotency !== undefined && findRepeat(pool, call.principal, call.idempotency, nowMs) !== undefined) {
    return null;
  }
  const keys = find(pool, call, nowMs);
  return keys.ok ? null : keys.error;
}

/** The keys, where every single one may be delivered to the caller. */
function find(pool: PoolContext, call: DecKeysCall, nowMs: number): Result<FoundKey[], Fault> {
  const found = findKeys(pool, call.keyIds, nowMs);
  // One key of others poisons the whole request (clause 5.4), known or not the rest.
  const foreign = found.some((key) => key !== undefined && recipientIndex(key.record, call.sae) === -1);
  if (foreign) return fail("unauthorised", "the key was not issued to this SAE");
  const mine = found.filter((key): key is FoundKey => key !== undefined && canFetch(key, call));
  return mine.length === found.length ? ok(mine) : err(mandatedFault("key-not-found"));
}

function canFetch({ record, index }: FoundKey, call: DecKeysCall): boolean {
  const recipient = recipientIndex(record, call.sae);
  return record.master === call.master && isLeft(record.left, recipient * record.keys + index);
}

const recipientIndex = (record: KeyRecord, sae: SaeId): number => record.recipients.findIndex((r) => r.sae === sae);

function deliver(pool: PoolContext, call: DecKeysCall, opened: OpenedUnits, nowMs: number): Result<Outcome, Fault> {
  // The same request twice at once: the second one finds the first one's repeat row on its next attempt.
  if (call.idempotency !== undefined && findRepeat(pool, call.principal, call.idempotency, nowMs) !== undefined) {
    return ok({ obstacle: { units: [] } });
  }
  const found = find(pool, call, nowMs);
  if (!found.ok) {
    auditRefusal(pool, call, found.error, nowMs);
    return found;
  }
  const keys = found.value;
  if (keys.some(({ record }) => record.state === "reserved")) return ok({ obstacle: { onItsWay: true } });
  const closed = closedUnits(pool, keys, opened);
  if (closed.length > 0) return ok({ obstacle: { units: closed } });

  const grant = grantOf(pool, keys, opened);
  const graceUntilMs = call.idempotency === undefined ? 0 : nowMs + pool.config().policy.delivery_grace_s * 1000;
  for (const [record, indices] of Map.groupBy(keys, (key) => key.record)) {
    take(
      pool,
      record,
      indices.map(({ index }) => index),
      { sae: call.sae, graceUntilMs, nowMs },
    );
  }
  rememberRepeat(pool, call.principal, call.idempotency, call.keyIds, graceUntilMs);
  pool.books.audit({
    atMs: nowMs,
    act: "keys.dec",
    who: call.principal,
    node: nodeOf(pool, keys[0]?.record, call.sae),
    detail: { first_key_id: call.keyIds[0] ?? null, keys: keys.length, master: call.master, pool: pool.pairName },
  });
  return ok({ grant });
}

/** Marks keys as fetched by one recipient; the record goes with its last key. */
function take(
  pool: PoolContext,
  record: KeyRecord,
  indices: readonly number[],
  by: { readonly sae: SaeId; readonly graceUntilMs: number; readonly nowMs: number },
): void {
  const recipient = recipientIndex(record, by.sae);
  const left = record.left.slice();
  let finished = 0;
  for (const index of indices) {
    clearLeft(left, recipient * record.keys + index);
    if (!anyLeft(left, record.recipients.length, record.keys, index)) finished++;
  }
  if (!record.imported) pool.books.move("pending", "delivered", finished * record.sizeBytes * 8);
  const holdUntilMs = Math.max(record.holdUntilMs, by.graceUntilMs);
  if (!nothingLeft(left)) {
    if (holdUntilMs === record.holdUntilMs) pool.store.updateLeft(record.id, left);
    else pool.store.updateRecord({ ...record, left, holdUntilMs, expiresMs: Math.max(record.expiresMs, holdUntilMs) });
  } else if (holdUntilMs > by.nowMs) {
    pool.store.updateRecord({ id: record.id, state: "held", left, holdUntilMs, expiresMs: holdUntilMs });
  } else {
    pool.store.deleteRecord(record);
    pool.books.release(record.segments);
  }
}

async function refuse(pool: PoolContext, call: DecKeysCall, fault: Fault): Promise<Result<KeyGrant, Fault>> {
  return await commit(pool, () => {
    auditRefusal(pool, call, fault, Date.now());
    return err(fault);
  });
}

/** Refusals are what a probe looks like. */
function auditRefusal(pool: PoolContext, call: DecKeysCall, fault: Fault, nowMs: number): void {
  pool.books.audit({
    atMs: nowMs,
    act: "keys.refused",
    who: call.principal,
    node: pool.pair.low,
    detail: { code: fault.code, first_key_id: call.keyIds[0] ?? null, keys: call.keyIds.length, pool: pool.pairName },
  });
}

const nodeOf = (pool: PoolContext, record: KeyRecord | undefined, sae: SaeId): string =>
  record?.recipients.find((recipient) => recipient.sae === sae)?.node ?? pool.pair.low;
