/** What an end gets of chunks that are its: their bytes, or, where it is at the other half, which has them, their places. */
import { toHex } from "../../shared/bytes/hex.ts";
import { slicesOf } from "../../shared/keypool/segments.ts";
import type { ChunksAnswer, ChunksPlaced, HandedChunk } from "../../shared/keypool/streams.ts";
import type { PoolContext } from "./context.ts";
import { trustedNodesOfKey } from "./hops.ts";
import type { ChunkRecord } from "./stream-records.ts";

/** Chunks of one record that are handed over. */
export interface Pick {
  readonly record: ChunkRecord;
  readonly keys: readonly number[];
}

export type Tell<T> = (pool: PoolContext, picks: readonly Pick[]) => T;

export const tellBytes: Tell<Extract<ChunksAnswer, { outcome: "handed" }>> = (pool, picks) => ({
  outcome: "handed",
  chunks: picks.flatMap(({ record, keys }) => keys.map((key) => chunkOf(pool, record, key))),
  bytes: copyChunks(pool, picks),
});

export const tellPlaces: Tell<ChunksPlaced> = (pool, picks) => ({
  outcome: "placed",
  chunks: picks.flatMap(({ record, keys }) => {
    const nonce = toHex(record.nonce);
    return keys.map((key) => ({ ...chunkOf(pool, record, key), nonce, key }));
  }),
});

function chunkOf(pool: PoolContext, { chunks: { first, madeMs }, segments }: ChunkRecord, key: number): HandedChunk {
  const hops = trustedNodesOfKey(pool, segments);
  return { index: first + key, madeMs, ...(hops === 0 ? {} : { hops }) };
}

/** Concatenated; all of one size. */
export function copyChunks(pool: PoolContext, picks: readonly Pick[]): Uint8Array {
  const bytes = new Uint8Array(picks.reduce((sum, { record, keys }) => sum + keys.length * record.sizeBytes, 0));
  let at = 0;
  for (const { record, keys } of picks) {
    const { segments, sizeBytes } = record;
    for (const key of keys) {
      const slices = slicesOf(segments, key * sizeBytes, (key + 1) * sizeBytes);
      pool.material.copy(slices, bytes.subarray(at, at + sizeBytes));
      at += sizeBytes;
    }
  }
  return bytes;
}
