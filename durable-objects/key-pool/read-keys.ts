/** Finds the records behind key IDs and copies keys out of opened units. */
import type { KeyId } from "../../shared/ids.ts";
import { maskOf, readKeyId, unmask } from "../../shared/keypool/key-id.ts";
import { copySegments, unitsUnder } from "../../shared/keypool/segments.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { type OpenedUnits, plaintextOf, type PoolContext } from "./context.ts";
import type { KeyRecord } from "./rows.ts";

/** A key: its record, and which of the record's keys it is. */
export interface FoundKey {
  readonly keyId: KeyId;
  readonly record: KeyRecord;
  readonly index: number;
}

/**
 * Looks each ID up. IDs of one batch share a nonce, so a batch costs one look-up.
 * @returns per ID the key, or undefined where there is none (any more)
 */
export function findKeys(pool: PoolContext, keyIds: readonly KeyId[], nowMs: number): (FoundKey | undefined)[] {
  const batches = new Map<string, { readonly mask: Uint8Array; readonly record: KeyRecord | undefined }>();
  return keyIds.map((keyId) => {
    const read = readKeyId(keyId);
    if (read === null) return undefined;
    const name = keyId.slice(0, 21); // the nonce's 18 digits and 3 dashes
    let batch = batches.get(name);
    if (batch === undefined) {
      batch = findBatch(pool, read.nonce, read.tail);
      batches.set(name, batch);
    }
    const { index, record: number } = unmask(read.tail, batch.mask);
    const record = batch.record;
    if (record === undefined || record.expiresMs <= nowMs || index >= record.keys) return undefined;
    if (record.state === "stuck") return undefined;
    if (!record.imported && number !== record.id) return undefined;
    return { keyId, record, index };
  });
}

function findBatch(pool: PoolContext, nonce: Uint8Array, tail: Uint8Array) {
  const ownMask = maskOf(pool.secrets.keyId, nonce);
  const own = pool.store.record(unmask(tail, ownMask).record);
  if (own !== undefined && !own.imported && crypto.subtle.timingSafeEqual(own.nonce, nonce)) {
    return { mask: ownMask, record: own };
  }
  const imported = pool.store.import(nonce);
  if (imported === undefined) return { mask: ownMask, record: undefined };
  return { mask: imported.mask, record: pool.store.record(imported.record) };
}

/** Units in which these keys lie that are not open yet. */
export function closedUnits(pool: PoolContext, keys: readonly FoundKey[], opened: OpenedUnits): number[] {
  const units = new Set(
    keys.flatMap(({ record, index }) =>
      unitsUnder(record.segments, index * record.sizeBytes, (index + 1) * record.sizeBytes),
    ),
  );
  return [...units].filter((unit) => plaintextOf(pool, unit, opened) === undefined);
}

/** Copies keys out of opened units, in the order given. */
export function grantOf(pool: PoolContext, keys: readonly FoundKey[], opened: OpenedUnits): KeyGrant {
  const sizesBytes = keys.map(({ record }) => record.sizeBytes);
  const bytes = new Uint8Array(sizesBytes.reduce((sum, size) => sum + size, 0));
  let position = 0;
  for (const { record, index } of keys) {
    const target = bytes.subarray(position, position + record.sizeBytes);
    copySegments(record.segments, index * record.sizeBytes, target, (unit) => {
      const plaintext = plaintextOf(pool, unit, opened);
      if (plaintext === undefined) throw new Error(`unit ${unit} is not open`);
      return plaintext;
    });
    position += record.sizeBytes;
  }
  return { keyIds: keys.map(({ keyId }) => keyId), sizesBytes, bytes };
}
