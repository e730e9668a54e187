/** What ends keys without delivery: expiry and voiding, in bounded steps. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import type { Ending } from "../../shared/keypool/half.ts";
import type { PendingOf } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, hostedNodeOf, type PoolContext, servedHere } from "./context.ts";
import { anyLeft, clearLeft, isLeft, keysLeft, nothingLeft } from "./left.ts";
import { inOneBatch } from "./parking.ts";
import { auditUntaken, isHop, isRun } from "./relay-records.ts";
import type { KeyRecord } from "./rows.ts";
import { markAllOver } from "./stream-rows.ts";

export type Step = { readonly keys: number; readonly next: number | null };

/** Erases what has expired; at most one batch. @returns true where more may be waiting */
export async function expireRecords(pool: PoolContext, nowMs: number): Promise<boolean> {
  pool.records.deleteExpiredRepeats(nowMs);
  const expired = pool.records.expired(nowMs, LIMITS.alarmBatchRows);
  const done = await inOneBatch(pool, expired, nowMs, {
    work: (records) => {
      let keys = 0;
      let draws = 0;
      let runBytes = 0;
      for (const { id } of records) {
        // As it is now: a fetch may have come between.
        const record = pool.records.byId(id);
        if (record === undefined || record.expiresMs > nowMs) continue;
        const ended = endKeys(pool, record, "expired");
        if (isRun(record)) runBytes += ended;
        else if (isHop(record)) draws += ended;
        else keys += ended;
      }
      auditUntaken(pool, { draws, runBytes, act: "relay.expired", who: "system" }, nowMs);
      if (keys > 0) auditEnd(pool, "keys.expired", "system", keys, "ttl", nowMs);
    },
    park: ({ id }) => {
      const record = pool.records.byId(id);
      if (record === undefined || record.state === "stuck") return false;
      // From now on they count as waiting, as all that is stuck does.
      if (record.state === "reserved" && !record.imported) pool.books.move("reserved", "pending", bitsLeft(record));
      pool.records.update({ ...record, state: "stuck", expiresMs: Number.MAX_SAFE_INTEGER });
      return true;
    },
    nameOf: ({ id }) => `key record ${id}`,
  });
  return done && expired.length === LIMITS.alarmBatchRows;
}

const bitsLeft = (record: KeyRecord): number =>
  keysLeft(record.left, record.recipients.length, record.keys) * record.sizeBytes * 8;

/** Ends a record: keys that somebody still waited for become `to`. @returns how many */
export function endKeys(pool: PoolContext, record: KeyRecord, to: Ending["as"]): number {
  const keys = keysLeft(record.left, record.recipients.length, record.keys);
  if (!record.imported && record.state !== "held") {
    pool.books.move(record.state === "reserved" ? "reserved" : "pending", to, keys * record.sizeBytes * 8);
  }
  if (record.chunks !== null && record.state !== "reserved") {
    pool.half.chunksEnded(record, { delivered: record.keys - keys, as: to });
  }
  // The other half lets pending keys run out by itself.
  else if (to !== "expired" || record.state === "reserved") pool.half.ended(record);
  pool.books.endRecord(record);
  return keys;
}

/** Whose keys are meant: of one SAE, of one SAE at one node, or (sae null) of everybody. */
type Whose = { readonly sae: SaeId | null; readonly node?: NodeId };

/** One step of counting keys that wait for their recipients. */
export function countStep(pool: PoolContext, call: PendingOf): Step {
  const records = pool.records.after(call.after, LIMITS.alarmBatchRows);
  const keys = records.reduce((sum, record) => sum + (isHop(record) ? 0 : keysOf(record, call).length), 0);
  return { keys, next: records.at(-1)?.id ?? null };
}

/** One step of voiding keys of an SAE, or (null) of everything there is. */
export async function voidStep(
  pool: PoolContext,
  call: PendingOf & { readonly reason: string },
): Promise<Result<Step, Fault>> {
  return await commit(pool, () => {
    // No chunk is made for them any more; those that were are among the records.
    const streams = markAllOver(pool, call);
    const records = pool.records.after(call.after, LIMITS.alarmBatchRows);
    let keys = 0;
    let draws = 0;
    let runBytes = 0;
    for (const record of records) {
      const mine = keysOf(record, call);
      if (isRun(record)) runBytes += mine.length;
      else if (isHop(record)) draws += mine.length;
      else keys += mine.length;
      if (call.sae === null || isMaster(record, call)) endKeys(pool, record, "voided");
      // A chunk is of no use to one end alone.
      else if (record.chunks !== null && recipientIndex(record, call) !== -1) endKeys(pool, record, "voided");
      else if (mine.length > 0) voidRecipient(pool, record, recipientIndex(record, call), mine);
    }
    const units = call.sae === null && records.length === 0 ? voidUnused(pool, call.reason) : 0;
    auditUntaken(pool, { draws, runBytes, act: "relay.void", who: "system" }, Date.now());
    if (keys > 0)
      auditEnd(pool, "keys.void", call.sae === null ? "system" : `sae:${call.sae}`, keys, call.reason, Date.now());
    const isMore = units > 0 || streams === LIMITS.alarmBatchRows;
    const next = records.at(-1)?.id ?? (isMore ? call.after : null);
    return ok({ keys, next });
  });
}

const isMaster = (record: KeyRecord, { sae, node }: Whose): boolean =>
  record.master === sae && (node === undefined || record.masterNode === node);

const recipientIndex = (record: KeyRecord, { sae, node }: Whose): number =>
  record.recipients.findIndex((r) => r.sae === sae && (node === undefined || r.node === node));

/** Indices of a record's keys that wait for this SAE, or that it, as master, has others wait for. */
function keysOf(record: KeyRecord, whose: Whose): number[] {
  const all = Array.from({ length: record.keys }, (_, key) => key);
  const count = record.recipients.length;
  if (whose.sae === null || isMaster(record, whose)) {
    return all.filter((key) => anyLeft(record.left, count, record.keys, key));
  }
  const recipient = recipientIndex(record, whose);
  return recipient === -1 ? [] : all.filter((key) => isLeft(record.left, recipient * record.keys + key));
}

/** One recipient of several leaves: the others still get their keys. */
function voidRecipient(pool: PoolContext, record: KeyRecord, recipient: number, keys: readonly number[]): void {
  const left = record.left.slice();
  let finished = 0;
  for (const key of keys) {
    clearLeft(left, recipient * record.keys + key);
    if (!anyLeft(left, record.recipients.length, record.keys, key)) finished++;
  }
  // What is finished now was delivered to those recipients whose keys were not voided, if there are any.
  const served = servedHere(pool, record.masterNode, record.recipients);
  const others = record.recipients.filter(({ voided }, i) => i !== recipient && served[i] === true && voided !== true);
  const to = others.length === 0 ? "voided" : "delivered";
  if (!record.imported) {
    pool.books.move(record.state === "reserved" ? "reserved" : "pending", to, finished * record.sizeBytes * 8);
  }
  if (nothingLeft(left)) {
    pool.half.ended(record);
    pool.books.endRecord(record);
    return;
  }
  const recipients = record.recipients.map((each, i) => (i === recipient ? { ...each, voided: true } : each));
  pool.records.update({ ...record, recipients, left });
}

/** Material not yet given to anyone. @returns how many units were looked at: there may be more */
function voidUnused(pool: PoolContext, reason: string): number {
  const found = [...pool.units.waiting(LIMITS.alarmBatchRows), ...pool.units.available(0, LIMITS.alarmBatchRows)];
  // What the running commit has matched, quarantined or given away is still in the table as it was.
  const units = found.filter(({ id, length }) => (pool.books.unit(id)?.cursor ?? length) < length);
  const unmatched = units.filter(({ state }) => state === "unmatched");
  // Should the twin of one of these still come, there is nothing left to match.
  for (const block of new Set(unmatched.map((unit) => unit.block))) pool.blocks.setState(block, "voided", null);
  pool.half.retired(
    units.map(({ id }) => id),
    "voided",
  );
  let bits = 0;
  for (const unit of units) {
    const from = unit.state === "unmatched" ? "unmatched" : "available";
    const unused = pool.books.discardUnit(unit.id) * 8;
    pool.books.move(from, "voided", unused);
    bits += unused;
  }
  if (bits > 0) {
    const detail = { bits, reason, pool: pool.pairName };
    pool.books.audit({ atMs: Date.now(), act: "material.void", who: "system", node: hostedNodeOf(pool), detail });
  }
  return found.length;
}

function auditEnd(pool: PoolContext, act: string, who: string, keys: number, reason: string, nowMs: number): void {
  pool.books.audit({ atMs: nowMs, act, who, node: hostedNodeOf(pool), detail: { keys, reason, pool: pool.pairName } });
}
