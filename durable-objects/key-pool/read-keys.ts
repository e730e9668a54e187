/** Finds the records behind key IDs and copies keys out of their units. */
import type { KeyId } from "../../shared/ids.ts";
import { batchPrefix, indexOf, isKeyId, type Mask, nonceOfPrefix, recordOf } from "../../shared/keypool/key-id.ts";
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
 * Looks each ID up. IDs of one batch share a nonce, so a batch costs one look-up.
 * @returns per ID the key, or undefined where there is none (any more)
 */
export function findKeys(pool: PoolContext, keyIds: readonly KeyId[], nowMs: number): (FoundKey | undefined)[] {
  const batches = new Map<string, Batch | undefined>();
  let prefix = "";
  let batch: Batch | undefined;
  return keyIds.map((keyId) => {
    if (!isKeyId(keyId)) return undefined;
    // Neighbours are of one batch, nearly always.
    if (prefix === "" || !keyId.startsWith(prefix)) {
      prefix = batchPrefix(keyId);
      if (!batches.has(prefix)) batches.set(prefix, findBatch(pool, prefix, keyId));
      batch = batches.get(prefix);
    }
    if (batch === undefined) return undefined;
    const { mask, record } = batch;
    const index = indexOf(keyId, mask);
    if (record.expiresMs <= nowMs || index >= record.keys || record.state === "stuck") return undefined;
    if (!record.imported && recordOf(keyId, mask) !== (record.announced ?? record.id)) return undefined;
    return { keyId, record, index };
  });
}

function findBatch(pool: PoolContext, prefix: string, keyId: KeyId): Batch | undefined {
  const nonce = nonceOfPrefix(prefix);
  const mask = pool.secrets.maskOf(nonce);
  const own = pool.records.byId(recordOf(keyId, mask));
  if (own !== undefined && !own.imported && crypto.subtle.timingSafeEqual(own.nonce, nonce)) {
    return { mask, record: own };
  }
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
