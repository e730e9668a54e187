/** Cuts the next chunks of a stream, in order of their indices: one key record, whose keys both ends fetch. */
import type { SaeId } from "../../shared/ids.ts";
import { makeNonce } from "../../shared/keypool/key-id.ts";
import { isRunning } from "../../shared/keypool/stream-ends.ts";
import type { Supply, Turn } from "../../shared/keypool/turns.ts";
import type { PoolContext } from "./context.ts";
import { initialLeft } from "./left.ts";
import type { KeyWish } from "./quotas.ts";
import { ttlEndMs, type ChunkRecord } from "./stream-records.ts";
import { RESERVED_MS } from "./stream-reserve.ts";
import { cutBytes } from "./stream-rows.ts";
import type { StreamRow } from "./stream-store.ts";

export interface ChunkWish {
  readonly principal: string;
  /** So many, or none at all; and so many more where nobody else waits for them. */
  readonly must: number;
  readonly ahead: number;
  /** Of the caller's, where it has waited already. */
  readonly turn: Turn | null;
}

/** Chunks beyond those that exist can be made. */
export const makesChunks = (pool: PoolContext, { ends }: StreamRow): boolean =>
  isRunning(ends) && ends[1].state === "open" && pool.config().state === "active";

export const supplyOf = ({ books }: PoolContext, nowMs: number): Supply => ({
  nowMs,
  has: (bytes) => books.has(bytes),
});

/**
 * @returns the record (not in the tables yet); `short` where there is too little or others go first, `refused` where the
 * opener has had its share, or the stream its Max_bps
 */
export function makeChunks(
  pool: PoolContext,
  stream: StreamRow,
  wish: ChunkWish,
  nowMs: number,
): ChunkRecord | "short" | "refused" {
  if (!pool.turns.mayGo(wish.turn, stream.qos.priority, supplyOf(pool, nowMs))) return "short";
  const chunkBytes = cutBytes(stream);
  let count = wish.must + aheadOf(pool, stream, wish, nowMs);
  if (count === 0) return "short";
  if (!pool.quotas.isClaimed(asked(stream, wish, count), nowMs)) {
    // Until other shards have been asked: whoever wants the chunks comes again.
    pool.quotas.claimLater(asked(stream, wish, count));
    return "refused";
  }
  let refused = pool.quotas.refusal(asked(stream, wish, count), nowMs);
  if (refused !== null && count > wish.must && wish.must > 0) {
    count = wish.must;
    refused = pool.quotas.refusal(asked(stream, wish, count), nowMs);
  }
  if (refused !== null || !pool.streamRates.take(stream, count, nowMs)) return "refused";
  // The other half has to know of them before anybody gets them.
  const state = pool.half.ownNode === null ? "pending" : "reserved";
  const segments = pool.books.allocate(count * chunkBytes, state, nowMs);
  if (segments === null) {
    pool.streamRates.putBack(stream, count);
    pool.quotas.unserved(asked(stream, wish, count), nowMs);
    return "short";
  }
  const id = pool.books.totals.nextRecord;
  pool.books.count({ nextRecord: id + 1 });
  pool.books.reference(segments);
  pool.quotas.took(asked(stream, wish, count), nowMs);
  const [opener, joiner] = stream.ends;
  const recipients = [opener, joiner].map(({ sae, node }) => ({ sae: sae as SaeId, node }));
  const record: ChunkRecord = {
    id,
    nonce: makeNonce(crypto.getRandomValues(new Uint8Array(8)), pool.shard),
    state,
    master: opener.sae as SaeId,
    masterNode: opener.node,
    recipients,
    keys: count,
    sizeBytes: chunkBytes,
    segments,
    left: initialLeft([true, true], count),
    imported: false,
    policyVersion: pool.config().version,
    expiresMs: 0,
    holdUntilMs: 0,
    announced: null,
    chunks: { instance: stream.instance, first: stream.nextIndex, madeMs: nowMs },
    hop: null,
  };
  return { ...record, expiresMs: state === "reserved" ? nowMs + RESERVED_MS : ttlEndMs(stream, record) };
}

/** While the pool is short, nobody takes more than it needs now. */
function aheadOf(pool: PoolContext, stream: StreamRow, { must, ahead, turn }: ChunkWish, nowMs: number): number {
  const others = pool.turns.size - (turn === null ? 0 : 1);
  if (pool.quotas.isShort || others > 0) return 0;
  let possible = Math.min(ahead, pool.streamRates.aheadOf(stream, must, nowMs));
  while (possible > 0 && !pool.books.has((must + possible) * cutBytes(stream))) possible--;
  return possible;
}

/** Quotas are the opener's, whoever asks. */
const asked = (stream: StreamRow, { principal }: ChunkWish, count: number): KeyWish => ({
  principal,
  master: stream.ends[0].sae as SaeId,
  masterNode: stream.ends[0].node,
  count,
  sizeBits: cutBytes(stream) * 8,
});
