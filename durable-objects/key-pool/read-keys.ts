/** Finds the records behind key IDs and copies keys out of their units. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { KeyId } from "../../shared/ids.ts";
import { batchPrefix, type Mask, type Nonce, nonceOfPrefix, recordOf } from "../../shared/keypool/key-id.ts";
import {
  expandGrant,
  expandRun,
  expandRuns,
  firstId,
  headOf,
  indicesOf,
  isKeyIdRun,
  type KeyIdRun,
} from "../../shared/keypool/key-id-run.ts";
import { slicesOf } from "../../shared/keypool/segments.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import { isHop } from "./relay-records.ts";
import type { KeyRecord } from "./rows.ts";

/** IDs that name a record, and which of its keys they name: at least one that it has, and maybe others that it has not. */
export interface FoundKeys {
  readonly run: KeyIdRun;
  readonly record: KeyRecord;
  readonly indices: readonly number[];
}

interface Batch {
  readonly mask: Mask;
  readonly record: KeyRecord;
}

/**
 * Looks each record up once: what is found of one record is so of one and the same object.
 * @returns in the order of the runs their records and keys, or undefined where there is none of them (any more); IDs of
 *   other KMSs are runs of their own
 */
export function findKeys(pool: PoolContext, keyIds: readonly KeyIdRun[], nowMs: number): (FoundKeys | undefined)[] {
  const found = findOurs(pool, keyIds, nowMs);
  const others = findForeign(
    pool,
    keyIds.filter((_, at) => found[at] === undefined),
    nowMs,
  );
  return others === null
    ? found
    : keyIds.flatMap((run, at) => {
        const ours = found[at];
        return ours === undefined ? expandRun(run).map((id) => others.get(id)) : [ours];
      });
}

/** Keys of other KMSs: see foreign-keys.ts. Null: none of them is known. */
function findForeign(pool: PoolContext, runs: readonly KeyIdRun[], nowMs: number): Map<KeyId, FoundKeys> | null {
  if (runs.length === 0) return null;
  const known = pool.foreign.find(expandRuns(runs));
  if (known.size === 0) return null;
  const records = new Map<number, KeyRecord | undefined>();
  const found = new Map<KeyId, FoundKeys>();
  for (const { id, key } of known.values()) {
    if (key === null) continue;
    if (!records.has(key.record)) records.set(key.record, pool.records.byId(key.record));
    const record = records.get(key.record);
    if (record === undefined || record.expiresMs <= nowMs || record.state === "stuck") continue;
    found.set(id, { run: id, record, indices: [key.position] });
  }
  return found;
}

function findOurs(pool: PoolContext, keyIds: readonly KeyIdRun[], nowMs: number): (FoundKeys | undefined)[] {
  const batches = new Map<string, Batch | undefined>();
  const headByRecord = new Map<number, string>();
  return keyIds.map((run) => {
    if (!isKeyIdRun(run)) return undefined;
    const head = headOf(run);
    if (!batches.has(head)) batches.set(head, findBatch(pool, run, nowMs));
    const batch = batches.get(head);
    if (batch === undefined) return undefined;
    const { mask, record } = batch;
    // Of an imported record all digits but one group are looked at: its keys have one ID each all the same.
    if ((headByRecord.get(record.id) ?? head) !== head) return undefined;
    headByRecord.set(record.id, head);
    const indices = indicesOf(run, mask);
    return indices.some((index) => index < record.keys) ? { run, record, indices } : undefined;
  });
}

/** The record that the IDs name, if its keys may still be fetched. */
function findBatch(pool: PoolContext, run: KeyIdRun, nowMs: number): Batch | undefined {
  const keyId = firstId(run);
  const nonce = nonceOfPrefix(batchPrefix(keyId));
  const mask = pool.secrets.maskOf(nonce);
  const batch = findOwn(pool, recordOf(keyId, mask), nonce, mask) ?? findImported(pool, nonce);
  if (batch === undefined || isHop(batch.record) || batch.record.chunks !== null) return undefined;
  const { record } = batch;
  if (record.expiresMs <= nowMs || record.state === "stuck") return undefined;
  const isNamed = record.imported || recordOf(keyId, batch.mask) === (record.announced ?? record.id);
  return isNamed ? batch : undefined;
}

function findOwn(pool: PoolContext, id: number, nonce: Nonce, mask: Mask): Batch | undefined {
  const record = pool.records.byId(id);
  if (record === undefined || record.imported || !crypto.subtle.timingSafeEqual(record.nonce, nonce)) return undefined;
  return { mask, record };
}

function findImported(pool: PoolContext, nonce: Nonce): Batch | undefined {
  const imported = pool.records.import(nonce);
  const record = imported === undefined ? undefined : pool.records.byId(imported.record);
  return imported === undefined || record === undefined ? undefined : { mask: imported.mask, record };
}

/** For callers that may know no runs. */
export const expanded = (grant: Result<KeyGrant<KeyIdRun>, Fault>): Result<KeyGrant, Fault> =>
  grant.ok ? ok(expandGrant(grant.value)) : grant;

/** Copies keys out of their units, in the order given; neighbours of one record in one go. */
export function grantOf(pool: PoolContext, found: readonly FoundKeys[]): KeyGrant<KeyIdRun> {
  const bytes = new Uint8Array(found.reduce((sum, { record, indices }) => sum + indices.length * record.sizeBytes, 0));
  let position = 0;
  for (const { record, indices } of found) {
    const { segments, sizeBytes } = record;
    for (let at = 0; at < indices.length;) {
      const index = indices[at] as number;
      let count = 1;
      while (indices[at + count] === index + count) count++;
      const slices = slicesOf(segments, index * sizeBytes, (index + count) * sizeBytes);
      pool.material.copy(slices, bytes.subarray(position, position + count * sizeBytes));
      position += count * sizeBytes;
      at += count;
    }
  }
  return { keyIds: found.map(({ run }) => run), sizesBytes: found.map(({ record }) => record.sizeBytes), bytes };
}
