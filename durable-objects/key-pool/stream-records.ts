/**
 * Records of chunks: keys with both ends as recipients. A chunk is pending while either end has not had it, and its
 * bytes are erased when neither has a right to it any more: both have had it (or given it up), nobody may give it back
 * (`Holds`), and nobody may read it again (policy `delivery_grace_s`).
 */
import type { EndNumber } from "../../shared/keypool/stream-ends.ts";
import { slicesOf } from "../../shared/keypool/segments.ts";
import type { ChunkRun } from "../../shared/keypool/streams.ts";
import type { PoolContext } from "./context.ts";
import { anyFreed } from "./freed.ts";
import { anyLeft, clearLeft, isLeft, keysLeft, nothingLeft } from "./left.ts";
import { voidRecord } from "./publish.ts";
import type { KeyRecord } from "./rows.ts";
import type { StreamRow } from "./stream-store.ts";

export const ENDS = 2;

/** A record of chunks. */
export type ChunkRecord = KeyRecord & { readonly chunks: ChunkRun };
const isOfChunks = (record: KeyRecord): record is ChunkRecord => record.chunks !== null;

/** Records that have any of a stream's chunks from `from` to `to`, in order. */
export const recordsOf = (
  pool: PoolContext,
  { instance }: Pick<StreamRow, "instance">,
  from: number,
  to: number,
  limit: number,
): ChunkRecord[] => pool.records.ofStream(instance, from, to, limit).filter(isOfChunks);

export const bitOf = (record: KeyRecord, end: EndNumber, key: number): number => end * record.keys + key;

/** When a chunk of this record is erased, fetched or not. */
export const ttlEndMs = ({ qos }: Pick<StreamRow, "qos">, { chunks }: ChunkRecord): number =>
  chunks.madeMs + qos.ttlSeconds * 1000;

/** May this end have the chunk now: for the first time, or again within the grace? */
export function mayFetch(
  pool: PoolContext,
  record: ChunkRecord,
  by: { readonly end: EndNumber; readonly key: number; readonly nowMs: number },
): boolean {
  if (record.expiresMs <= by.nowMs || record.state === "stuck" || record.state === "reserved") return false;
  if (isLeft(record.left, bitOf(record, by.end, by.key))) return true;
  return record.holdUntilMs > by.nowMs && !isErased(pool, record, by.key);
}

/** Bytes of a chunk that was finished before the grace was set are gone, though others of its record may be read again. */
function isErased(pool: PoolContext, { segments, sizeBytes }: KeyRecord, key: number): boolean {
  return slicesOf(segments, key * sizeBytes, (key + 1) * sizeBytes).some((slice) => {
    const unit = pool.books.unit(slice.unit);
    return unit === undefined || (unit.freed !== null && anyFreed(unit.freed, unit.length, slice));
  });
}

/** The bitmap once an end has had (or gives up) these keys. */
export function leftWithout(record: KeyRecord, end: EndNumber, keys: Iterable<number>): Uint8Array {
  const left = record.left.slice();
  for (const key of keys) clearLeft(left, bitOf(record, end, key));
  return left;
}

export interface Change {
  readonly left: Uint8Array;
  /** Until when those who had a chunk may read it again. */
  readonly graceUntilMs?: number;
  /** What becomes of bits that nobody waits for any more. */
  readonly as: "delivered" | "voided";
  readonly nowMs: number;
}

/** Writes a record whose chunks were fetched, given back, given up or let go of; it goes with its last chunk. */
export function putRecord(pool: PoolContext, stream: StreamRow, record: ChunkRecord, change: Change): void {
  const { left, as, nowMs } = change;
  if (record.state === "reserved") return putReserved(pool, { ...record, left });
  const finished = moveBits(pool, record, left, as);
  const holdUntilMs = Math.max(record.holdUntilMs, change.graceUntilMs ?? 0);
  const { first } = record.chunks;
  const endMs = ttlEndMs(stream, record);
  if (!nothingLeft(left)) {
    if (holdUntilMs <= nowMs) eraseFinished(pool, { ...record, left }, nowMs);
    if (record.state === "pending" && holdUntilMs === record.holdUntilMs) {
      if (left !== record.left) pool.records.updateLeft({ ...record, left });
    } else pool.records.update({ ...record, state: "pending", left, holdUntilMs, expiresMs: endMs });
    return;
  }
  const keptUntilMs = Math.min(
    endMs,
    Math.max(holdUntilMs, pool.holds.untilMs(record.chunks.instance, first, record.keys)),
  );
  // What is voided both ends have given up: nobody reads it again.
  if (keptUntilMs <= nowMs || as === "voided") {
    pool.half.chunksEnded(record, { delivered: as === "voided" ? record.keys - finished : record.keys, as: "voided" });
    pool.books.endRecord(record);
  } else if (record.state !== "held" || record.expiresMs < keptUntilMs) {
    pool.records.update({ ...record, state: "held", left, holdUntilMs, expiresMs: keptUntilMs });
  }
}

/** Given up before anybody could have it. */
function putReserved(pool: PoolContext, record: ChunkRecord): void {
  if (nothingLeft(record.left)) voidRecord(pool, record);
  else pool.records.updateLeft(record);
}

/** @returns of how many chunks somebody's right has ended with this change */
function moveBits(pool: PoolContext, record: KeyRecord, left: Uint8Array, as: Change["as"]): number {
  const finished = keysLeft(record.left, ENDS, record.keys) - keysLeft(left, ENDS, record.keys);
  const bits = Math.abs(finished) * record.sizeBytes * 8;
  if (finished > 0) pool.books.move("pending", as, bits);
  else if (finished < 0) pool.books.move("delivered", "pending", bits);
  return finished;
}

/** The bytes of chunks that nobody may read any more; neighbours in one go. */
function eraseFinished(pool: PoolContext, record: ChunkRecord, nowMs: number): void {
  const { keys, sizeBytes, segments, left, chunks } = record;
  const isDone = (key: number) =>
    !anyLeft(left, ENDS, keys, key) && pool.holds.untilMs(chunks.instance, chunks.first + key, 1) <= nowMs;
  for (let key = 0; key < keys; key++) {
    const from = key;
    while (key < keys && isDone(key)) key++;
    if (key > from) pool.books.free(segments, from * sizeBytes, key * sizeBytes);
  }
}
