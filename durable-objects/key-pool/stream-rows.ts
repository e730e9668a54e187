/** A stream's row: whose it is, what the halves are told of it, how it changes and ends. */
import type { Ksid, StreamEnd } from "../../shared/etsi004/types.ts";
import { EDGE_QKD_BYTES } from "../../shared/hybrid/edge/terms.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { type EndNumber, endOf, endState, isClosed, isRunning } from "../../shared/keypool/stream-ends.ts";
import type { StreamPoolRpc, StreamState } from "../../shared/keypool/streams.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { PendingOf, PoolStream } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { hostedNodeOf, type PoolContext } from "./context.ts";
import { trustedNodesOf } from "./hops.ts";
import { isLeft } from "./left.ts";
import { bitOf, type ChunkRecord, recordsOf } from "./stream-records.ts";
import type { StreamRow, StreamSide } from "./stream-store.ts";

/** How exactly it is known when a stream was used last. */
const USED_MS = 60_000;
/** As good as at once; an alarm takes no zero. */
const OVER_MS = 1;
/** Of records, that one look at what is there for an end may take. */
const PAGES = 4;

/** The stream of a KSID that is not over. */
export function liveStream(pool: PoolContext, ksid: Ksid, nowMs: number): StreamRow | undefined {
  const stream = pool.streams.byKsid(ksid);
  return stream === undefined || stream.endsMs <= nowMs ? undefined : stream;
}

export interface Seat {
  readonly stream: StreamRow;
  readonly end: EndNumber;
}

/** The stream, and which of its ends calls; undefined: none of this number, or none of its ends. */
export function seatOf(
  pool: PoolContext,
  call: { readonly ksid: Ksid; readonly instance: number; readonly self: StreamEnd },
  nowMs: number,
): Seat | undefined {
  const stream = liveStream(pool, call.ksid, nowMs);
  if (stream === undefined || stream.instance !== call.instance) return undefined;
  const end = endOf(stream.ends, call.self);
  return end === null ? undefined : { stream, end };
}

/** Whose audit log has what an end does: another deployment's node has none here. */
export const loggedAt = (pool: PoolContext, node: NodeId): NodeId =>
  pool.half.serves(node) ? node : hostedNodeOf(pool);

export const stateOf = (pool: PoolContext, { instance, qos, ends, nextIndex, hybrid }: StreamRow): StreamState => ({
  ...(pool.half.ownNode === null ? {} : { remoteNode: pool.pair.high }),
  instance,
  qos,
  ends: [endState(ends[0]), endState(ends[1])],
  hops: trustedNodesOf(pool),
  nextIndex,
  ...(hybrid === null ? {} : { hybrid }),
});

/** Some of those that are not closed, for who watches. */
export const openStreams = ({ streams }: PoolContext): readonly PoolStream[] =>
  streams
    .ofSae(null, undefined, LIMITS.streamsTold)
    .filter(({ ends }) => isRunning(ends))
    .flatMap(({ ksid, qos, ends: [first, second] }) =>
      ksid === null
        ? []
        : [
            {
              ksid,
              nodes: [first.node, second.node],
              saes: [first.sae, second.sae],
              chunkBytes: qos.chunkBytes,
              delivered: Math.min(first.low, second.low),
            },
          ],
    );

/** How much of the pool's key a chunk is: of a hybrid stream, one secret among several, whatever is made of them. */
export const cutBytes = ({ qos, hybrid }: Pick<StreamRow, "qos" | "hybrid">): number =>
  hybrid === null ? qos.chunkBytes : EDGE_QKD_BYTES;

/** Wherever the stream is kept. */
export const streamState = async (
  pool: PoolContext,
  call: Parameters<StreamPoolRpc["streamState"]>[0],
): Promise<Result<StreamState | null, Fault>> =>
  pool.half.streams === null ? ok(stateFor(pool, call, Date.now())) : await pool.half.streams.state(call);

/** For one of the two SAEs (as far as they are known), else null. */
export function stateFor(
  pool: PoolContext,
  { ksid, sae }: { readonly ksid: Ksid; readonly sae: SaeId },
  nowMs: number,
): StreamState | null {
  const stream = liveStream(pool, ksid, nowMs);
  return stream?.ends.some((side) => side.sae === sae) === true ? stateOf(pool, stream) : null;
}

export function withEnd(stream: StreamRow, end: EndNumber, changes: Partial<StreamSide>): StreamRow {
  const [first, second] = stream.ends;
  return { ...stream, ends: end === 0 ? [{ ...first, ...changes }, second] : [first, { ...second, ...changes }] };
}

/** A stream that nobody uses ends. Closed by one end, it ends with the chunks that had been made by then. */
export const idleEndMs = (usedMs: number): number => usedMs + LIMITS.streamIdleSeconds * 1000 + USED_MS;

/** It was used; written down where that was not for a minute. */
export function touched(pool: PoolContext, stream: StreamRow, nowMs: number): StreamRow {
  if (nowMs - stream.usedMs < USED_MS) return stream;
  const endsMs = stream.ends.some(isClosed) ? stream.endsMs : idleEndMs(nowMs);
  const used = { ...stream, usedMs: nowMs, endsMs };
  pool.streams.update(stream, used);
  return used;
}

/** `low` of an end that has had the chunks of these indices, lowest first. */
export function lowAfter(low: number, indices: readonly number[]): number {
  let after = low;
  for (const index of indices) if (index === after) after++;
  return after;
}

/**
 * Chunks that are there for an end, lowest first: at most `most`, and of very many records not all are looked at.
 * @returns with them what is known of `low` by now
 */
export function unreadOf(
  pool: PoolContext,
  { stream, end }: Seat,
  most: number,
  nowMs: number,
): { readonly indices: readonly number[]; readonly low: number } {
  const indices: number[] = [];
  let from = stream.ends[end].low;
  let reserved = Infinity;
  for (let page = 0; page < PAGES && from < stream.nextIndex && indices.length < most; page++) {
    const records = recordsOf(pool, stream, from, stream.nextIndex - 1, LIMITS.streamRecordsEnded);
    for (const record of records) {
      if (record.state === "reserved") reserved = Math.min(reserved, record.chunks.first);
      indices.push(...unreadIn(record, end, nowMs));
    }
    const last = records.length < LIMITS.streamRecordsEnded ? undefined : records.at(-1);
    from = last === undefined ? stream.nextIndex : last.chunks.first + last.keys;
  }
  return { indices: indices.slice(0, most), low: Math.min(reserved, indices[0] ?? from) };
}

function unreadIn(record: ChunkRecord, end: EndNumber, nowMs: number): number[] {
  if (record.expiresMs <= nowMs || record.state === "stuck" || record.state === "reserved") return [];
  return Array.from({ length: record.keys }, (_, key) => key)
    .filter((key) => isLeft(record.left, bitOf(record, end, key)))
    .map((key) => record.chunks.first + key);
}

/** The stream is over: its KSID is free, and the alarm voids what is left of it. */
export function markOver(pool: PoolContext, stream: StreamRow): void {
  pool.streams.update(stream, { ...stream, ksid: null, endsMs: OVER_MS });
}

/** Streams of an SAE (null: of everybody) are over; at most one batch. @returns how many */
export function markAllOver(pool: PoolContext, { sae, node }: Pick<PendingOf, "sae" | "node">): number {
  const streams = pool.streams.ofSae(sae, node, LIMITS.alarmBatchRows);
  for (const stream of streams) markOver(pool, stream);
  return streams.length;
}
