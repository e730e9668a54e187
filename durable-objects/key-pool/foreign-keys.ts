/**
 * Keys that KMSs of others hand over for SAEs here, and take back (ETSI GS QKD 020). They are imports, found by IDs that
 * are not of our making: those are remembered beyond their keys, so that what comes late changes nothing.
 */
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import { judgeArrival, judgeVoid } from "../../shared/etsi020/foreign-key.ts";
import type { ForeignImportCall, ForeignKeysRpc, ForeignVoidCall, VoidOutcome } from "../../shared/etsi020/types.ts";
import type { KeyId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, hostedNodeOf, type PoolContext } from "./context.ts";
import { boundOf } from "./hops.ts";
import { type BringPad, bringPad, padBytesFor, spendPad } from "./import-pads.ts";
import { insertImported } from "./imported-keys.ts";
import type { ForeignKey } from "./foreign-store.ts";
import { anyLeft, clearLeft, isLeft, nothingLeft } from "./left.ts";
import { notEnoughKeys } from "./refusals.ts";
import type { KeyRecord } from "./rows.ts";

interface ArrivedKey {
  readonly id: KeyId;
  readonly bytes: Uint8Array;
  readonly known: ForeignKey | undefined;
}

/** Takes keys in: all of them, or none. Those that came before as they are now stay as they are. */
export async function importForeign(
  pool: PoolContext,
  call: ForeignImportCall,
  refill: BringPad,
): Promise<Result<null, Fault>> {
  const first = newKeys(pool, call, Date.now());
  if (!first.ok || first.value.length === 0) return first.ok ? ok(null) : first;
  const pad = { bytes: padBytesFor(pool, bytesOf(first.value)), maxHops: boundOf(pool, undefined) };
  const pads = await bringPad(pool, pad, refill);
  if (!pads.ok) return pads;
  return await commitLeased(pool, () => {
    const nowMs = Date.now();
    // Looked at again: another container may have come meanwhile.
    const keys = newKeys(pool, call, nowMs);
    if (!keys.ok || keys.value.length === 0) return keys.ok ? ok(null) : keys;
    const bytes = padBytesFor(pool, bytesOf(keys.value));
    if (pool.foreign.forget(nowMs) + keys.value.length > LIMITS.foreignKeys) return tooMany();
    if (!spendPad(pool, { ...pad, bytes }, nowMs)) return notEnoughKeys();
    for (const alike of Map.groupBy(keys.value, (key) => key.bytes.length).values()) takeIn(pool, call, alike, nowMs);
    pool.books.audit({
      atMs: nowMs,
      act: "keys.handed-over",
      who: call.principal,
      node: call.targetNode,
      detail: {
        first_key_id: keys.value[0]?.id ?? null,
        keys: keys.value.length,
        master: call.initiator,
        slaves: call.targets.join(" "),
        pad_bits: bytes * 8,
        pool: pool.pairName,
      },
    });
    return ok(null);
  });
}

const tooMany = () =>
  err({ ...fault("pool-full", "too many keys of other KMSs are remembered"), retryAfterSeconds: 60 });

const bytesOf = (keys: readonly ArrivedKey[]): number => keys.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** @returns the keys that have not come before; `conflict` where one of them may not come, or not so */
function newKeys(pool: PoolContext, call: ForeignImportCall, nowMs: number): Result<readonly ArrivedKey[], Fault> {
  const known = pool.foreign.find(call.keyIds);
  const keys: ArrivedKey[] = [];
  let at = 0;
  for (const [index, id] of call.keyIds.entries()) {
    const bytes = call.bytes.subarray(at, at + (call.sizesBytes[index] ?? 0));
    at += bytes.length;
    const before = known.get(id);
    const isSame = (): boolean => before?.key != null && isOf(pool, before.key.fingerprint, bytes);
    const verdict = judgeArrival(before, call, isSame, nowMs);
    if (typeof verdict === "object") return fail("conflict", `${id}: ${verdict.refused}`);
    if (verdict === "new") keys.push({ id, bytes, known: before });
  }
  return ok(keys);
}

const isOf = (pool: PoolContext, fingerprint: Uint8Array, bytes: Uint8Array): boolean =>
  crypto.subtle.timingSafeEqual(fingerprint, pool.secrets.fingerprint(bytes));

/** Keys of one size: one record. */
function takeIn(pool: PoolContext, call: ForeignImportCall, keys: readonly ArrivedKey[], nowMs: number): void {
  const { initiator, peerNode, recipients, targets } = call;
  const sizeBytes = keys[0]?.bytes.length ?? 0;
  const bytes = new Uint8Array(keys.length * sizeBytes);
  keys.forEach((key, position) => bytes.set(key.bytes, position * sizeBytes));
  const expiresMs = nowMs + pool.config().policy.key_ttl_s * 1000;
  const record = insertImported(pool, {
    nonce: new Uint8Array(), // no ID of ours finds them
    master: initiator,
    masterNode: peerNode,
    recipients,
    keys: keys.length,
    sizeBytes,
    bytes,
    expiresMs,
  });
  bytes.fill(0);
  for (const [position, { id, bytes: own, known }] of keys.entries()) {
    const key = { record, position, fingerprint: pool.secrets.fingerprint(own) };
    const forgetMs = expiresMs + LIMITS.foreignRememberMs;
    pool.foreign.put({ id, initiator, targets, voided: known?.voided ?? [], key, expiresMs, forgetMs });
  }
}

type Voided = Awaited<ReturnType<ForeignKeysRpc["voidForeign"]>>;

/** Takes keys back that were not fetched, and remembers those that did not come yet. */
export async function voidForeign(pool: PoolContext, call: ForeignVoidCall): Promise<Voided> {
  return await commit(pool, () => {
    const nowMs = Date.now();
    const meant = meantBy(pool, call);
    const room = LIMITS.foreignKeys - pool.foreign.forget(nowMs);
    if (call.keyIds !== null && meant.filter(({ known }) => known === undefined).length > room) return tooMany();
    const outcomes = meant.flatMap(({ id, known }) => voidKey(pool, call, id, known, nowMs));
    const voided = outcomes.filter(({ status }) => status === "voided").length;
    if (voided > 0) {
      pool.books.audit({
        atMs: nowMs,
        act: "keys.void",
        who: call.principal,
        node: hostedNodeOf(pool),
        detail: { keys: voided, reason: "taken back", master: call.initiator, pool: pool.pairName },
      });
    }
    const isMore = call.keyIds === null && meant.length === LIMITS.extKeys;
    return ok({ outcomes, next: isMore ? (meant.at(-1)?.id ?? null) : null });
  });
}

interface MeantKey {
  readonly id: KeyId;
  readonly known: ForeignKey | undefined;
}

function meantBy(pool: PoolContext, { keyIds, initiator, after }: ForeignVoidCall): MeantKey[] {
  if (keyIds === null) {
    return pool.foreign.ofInitiator(initiator, after, LIMITS.extKeys).map((known) => ({ id: known.id, known }));
  }
  const known = pool.foreign.find(keyIds);
  return keyIds.map((id) => ({ id, known: known.get(id) }));
}

/** Of all targets' keys, those are passed over that never were for a target. */
function voidKey(
  pool: PoolContext,
  { initiator, targets, keyIds }: ForeignVoidCall,
  id: KeyId,
  known: ForeignKey | undefined,
  nowMs: number,
): VoidOutcome[] {
  const meant = keyIds === null ? targets.filter((target) => known?.targets.includes(target)) : targets;
  const verdicts = meant.map((target) => ({
    target,
    ...judgeVoid(known, { initiator, target }, () => takeBack(pool, known, target), nowMs),
  }));
  const voided = verdicts.filter(({ isRemembered }) => isRemembered).map(({ target }) => target);
  if (voided.length > 0) {
    const expiresMs = nowMs + pool.config().policy.key_ttl_s * 1000;
    const tombstone = {
      id,
      initiator,
      targets: [],
      key: null,
      expiresMs,
      forgetMs: expiresMs + LIMITS.foreignRememberMs,
    };
    pool.foreign.put({ ...(known ?? tombstone), voided: [...(known?.voided ?? []), ...voided] });
  }
  return verdicts.map(({ target, status }) => ({ target, keyId: id, status }));
}

/** The target shall not fetch the key any more. @returns false where it could not anyway */
function takeBack(pool: PoolContext, known: ForeignKey | undefined, target: SaeId): boolean {
  const record = known?.key == null ? undefined : pool.records.byId(known.key.record);
  if (known?.key == null || record === undefined) return false;
  const { position } = known.key;
  const recipient = record.recipients.findIndex(({ sae }) => sae === target);
  const bit = recipient * record.keys + position;
  if (recipient === -1 || record.expiresMs <= Date.now() || !isLeft(record.left, bit)) return false;
  const left = record.left.slice();
  clearLeft(left, bit);
  if (nothingLeft(left)) endOrHold(pool, { ...record, left });
  else {
    pool.records.updateLeft({ ...record, left });
    if (!anyLeft(left, record.recipients.length, record.keys, position) && record.holdUntilMs <= Date.now()) {
      pool.books.free(record.segments, position * record.sizeBytes, (position + 1) * record.sizeBytes);
    }
  }
  return true;
}

/** What another SAE has fetched, it may ask for again within its grace. */
function endOrHold(pool: PoolContext, record: KeyRecord): void {
  if (record.holdUntilMs <= Date.now()) pool.books.endRecord(record);
  else pool.records.update({ ...record, state: "held", expiresMs: record.holdUntilMs });
}
