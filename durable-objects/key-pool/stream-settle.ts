/** What becomes of chunks that were handed to an end: had for good, or given back as they reached nobody. */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { flawOfIndices, flawOfNamed } from "../../shared/keypool/stream-checks.ts";
import { isClosed } from "../../shared/keypool/stream-ends.ts";
import type { StreamPoolRpc } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { setLeft } from "./left.ts";
import { endStream } from "./stream-end.ts";
import type { Hold } from "./stream-holds.ts";
import { bitOf, type ChunkRecord, putRecord, recordsOf } from "./stream-records.ts";
import { type Seat, seatOf, unreadOf, withEnd } from "./stream-rows.ts";
import type { StreamRow } from "./stream-store.ts";

type SettleCall = Parameters<StreamPoolRpc["settleChunks"]>[0];

export async function settleChunks(pool: PoolContext, call: SettleCall): Promise<Result<null, Fault>> {
  const flaw = flawOfNamed(call, pool.pair) ?? flawOfIndices(call.handedBack, LIMITS.streamHandBacks);
  if (flaw !== null) return fail("bad-request", flaw);
  if (pool.half.streams !== null) return await pool.half.streams.settle(call);
  let holds: Hold[] = [];
  try {
    return await commit(pool, () => {
      const nowMs = Date.now();
      const seat = seatOf(pool, call, nowMs);
      if (seat === undefined) return ok(null);
      holds = pool.holds.ofEnd(seat.stream.instance, seat.end);
      settle(pool, seat, { holds, back: new Set(call.handedBack), nowMs });
      return ok(null);
    });
  } catch (error) {
    // Nothing was written: the end holds them as before.
    for (const hold of holds) pool.holds.add(hold);
    throw error;
  }
}

interface Settling {
  readonly holds: readonly Hold[];
  readonly back: ReadonlySet<number>;
  readonly nowMs: number;
}

function settle(pool: PoolContext, { stream, end }: Seat, { holds, back, nowMs }: Settling): void {
  const isGivenUp = stream.ends[end].state === "closed";
  const returned = new Set<number>();
  for (const hold of holds) {
    pool.holds.remove(hold);
    if (isGivenUp || hold.untilMs <= nowMs) continue;
    for (const index of hold.indices) if (back.has(index)) returned.add(index);
  }
  for (const record of heldRecords(pool, stream, holds)) {
    const left = record.left.slice();
    for (const index of returned) {
      const key = index - record.chunks.first;
      if (key >= 0 && key < record.keys) setLeft(left, bitOf(record, end, key));
    }
    putRecord(pool, stream, record, { left, as: "delivered", nowMs });
  }
  const low = Math.min(stream.ends[end].low, ...returned);
  const settled = low === stream.ends[end].low ? stream : withEnd(stream, end, { low });
  if (settled !== stream) pool.streams.progress(settled);
  if (isSpent(pool, settled, nowMs)) endStream(pool, settled);
}

/** Is there nothing left that anybody may fetch, nor ever will be? */
export const isSpent = (pool: PoolContext, stream: StreamRow, nowMs: number): boolean =>
  stream.ends.every((side) => isClosed(side) || side.state === "absent") &&
  ([0, 1] as const).every(
    (end) => stream.ends[end].state !== "lingers" || unreadOf(pool, { stream, end }, 1, nowMs).indices.length === 0,
  );

/** Records of the chunks that were handed over, once each. */
function heldRecords(pool: PoolContext, stream: StreamRow, holds: readonly Hold[]): Iterable<ChunkRecord> {
  const records = new Map<number, ChunkRecord>();
  for (const { indices } of holds) {
    for (let at = 0; at < indices.length;) {
      const from = indices[at] as number;
      let to = from;
      for (at++; indices[at] === to + 1; at++) to++;
      for (const record of recordsOf(pool, stream, from, to, to - from + 2)) records.set(record.id, record);
    }
  }
  return records.values();
}

/** Nobody has said anything more of them: they were had. At most one batch. @returns true where more may be waiting */
export async function letGo(pool: PoolContext, nowMs: number): Promise<boolean> {
  const over = pool.holds.over(nowMs, LIMITS.streamRecordsEnded);
  if (over.length === 0) return false;
  await commit(pool, () => {
    for (const [instance, holds] of Map.groupBy(over, (hold) => hold.instance)) {
      for (const hold of holds) pool.holds.remove(hold);
      const stream = pool.streams.byInstance(instance);
      if (stream === undefined) continue;
      for (const record of heldRecords(pool, stream, holds)) {
        putRecord(pool, stream, record, { left: record.left, as: "delivered", nowMs });
      }
    }
    return ok(null);
  });
  return over.length === LIMITS.streamRecordsEnded;
}
