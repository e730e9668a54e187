/** Finds the records behind key IDs and copies keys out of their units. */
import type { KeyId } from "../../shared/ids.ts";
import {
  batchPrefix,
  indexOf,
  isKeyId,
  isOfRecord,
  type Mask,
  type Nonce,
  nonceOfPrefix,
  recordOf,
  recordPrefix,
} from "../../shared/keypool/key-id.ts";
import { slicesOf } from "../../shared/keypool/segments.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import type { PoolContext } from "./context.ts";
import type { KeyRecord } from "./rows.ts";

/** A key: its record, and which of the record's keys it is. */
export interface FoundKey {
  readonly keyId: KeyId;
  readonly record: KeyRecord;
  readonly index: number;
}

interface Batch {
  readonly mask: Mask;
  readonly record: KeyRecord;
}

/**
 * Looks each ID up. IDs of one record share all but their last digits, so a record costs one look-up.
 * @returns per ID the key, or undefined where there is none (any more)
 */
export function findKeys(pool: PoolContext, keyIds: readonly KeyId[], nowMs: number): (FoundKey | undefined)[] {
  const batches = new Map<string, Batch | undefined>();
  let prefix: string | null = null;
  let batch: Batch | undefined;
  return keyIds.map((keyId) => {
    // Neighbours are of one record, nearly always.
    if (prefix === null || !isOfRecord(keyId, prefix)) {
      if (!isKeyId(keyId)) return undefined;
      prefix = recordPrefix(keyId);
      if (!batches.has(prefix)) batches.set(prefix, findBatch(pool, keyId, nowMs));
      batch = batches.get(prefix);
    }
    if (batch === undefined) return undefined;
    const index = indexOf(keyId, batch.mask);
    return index < batch.record.keys ? { keyId, record: batch.record, index } : undefined;
  });
}

/** The record that the ID names, if its keys may still be fetched. */
function findBatch(pool: PoolContext, keyId: KeyId, nowMs: number): Batch | undefined {
  const nonce = nonceOfPrefix(batchPrefix(keyId));
  const mask = pool.secrets.maskOf(nonce);
  const batch = findOwn(pool, recordOf(keyId, mask), nonce, mask) ?? findImported(pool, nonce);
  if (batch === undefined) return undefined;
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

/** Copies keys out of their units, in the order given; neighbours of one record in one go. */
export function grantOf(pool: PoolContext, keys: readonly FoundKey[]): KeyGrant {
  const sizesBytes = keys.map(({ record }) => record.sizeBytes);
  const bytes = new Uint8Array(sizesBytes.reduce((sum, size) => sum + size, 0));
  let position = 0;
  for (let at = 0; at < keys.length;) {
    const { record, index } = keys[at] as FoundKey;
    let count = 1;
    while (keys[at + count]?.record === record && keys[at + count]?.index === index + count) count++;
    const { segments, sizeBytes } = record;
    const slices = slicesOf(segments, index * sizeBytes, (index + count) * sizeBytes);
    pool.material.copy(slices, bytes.subarray(position, position + count * sizeBytes));
    position += count * sizeBytes;
    at += count;
  }
  return { keyIds: keys.map(({ keyId }) => keyId), sizesBytes, bytes };
}
