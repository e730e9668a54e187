/**
 * CLOSE (ETSI GS QKD 004 V2.1.1 clause 6.1), the pool's part: no more chunks are made, and those that this end has not
 * had are given up for it. The other end may fetch what had been made until it closes too, or until the TTL is over.
 */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { flawOfNamed } from "../../shared/keypool/stream-checks.ts";
import { isClosed, otherEnd } from "../../shared/keypool/stream-ends.ts";
import type { StreamPoolRpc, StreamState } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { endStream } from "./stream-end.ts";
import { leftWithout, putRecord, recordsOf } from "./stream-records.ts";
import { loggedAt, type Seat, seatOf, stateOf, withEnd } from "./stream-rows.ts";
import { isSpent } from "./stream-settle.ts";

type CloseCall = Parameters<StreamPoolRpc["closeStream"]>[0];

export async function closeStream(pool: PoolContext, call: CloseCall): Promise<Result<StreamState | null, Fault>> {
  const flaw = flawOfNamed(call, pool.pair);
  if (flaw !== null) return fail("bad-request", flaw);
  if (pool.half.streams !== null) return await pool.half.streams.close(call);
  return await commit(pool, () => {
    const nowMs = Date.now();
    const seat = seatOf(pool, call, nowMs);
    if (seat === undefined) return ok(null);
    return ok(isClosed(seat.stream.ends[seat.end]) ? stateOf(pool, seat.stream) : close(pool, call, seat, nowMs));
  });
}

function close(pool: PoolContext, call: CloseCall, { stream, end }: Seat, nowMs: number): StreamState {
  const lingers = call.mayStillFetch === true;
  const closed = {
    ...withEnd(stream, end, { state: lingers ? "lingers" : "closed" }),
    endsMs: Math.min(stream.endsMs, nowMs + stream.qos.ttlSeconds * 1000),
  };
  pool.streams.update(stream, closed);
  if (!lingers) giveUp(pool, { stream: closed, end }, nowMs);
  const voided = isSpent(pool, closed, nowMs) ? endStream(pool, closed) : 0;
  pool.books.audit({
    atMs: nowMs,
    act: "stream.close",
    who: call.principal,
    node: loggedAt(pool, call.self.node),
    detail: { ksid: call.ksid, instance: call.instance, voided, pool: pool.pairName },
  });
  return stateOf(pool, closed);
}

/**
 * What the end has not had, it never will. Of very many records, those beyond what fits one commit wait for their TTL, or
 * for the other end to close.
 */
function giveUp(pool: PoolContext, { stream, end }: Seat, nowMs: number): void {
  const holds = pool.holds.ofEnd(stream.instance, end);
  for (const hold of holds) pool.holds.remove(hold);
  // What the other end has had counts as delivered: it may still give it back.
  const as = stream.ends[otherEnd(end)].state === "closed" ? "voided" : "delivered";
  const from = Math.min(stream.ends[end].low, ...holds.flatMap(({ indices }) => indices.slice(0, 1)));
  for (const record of recordsOf(pool, stream, from, Number.MAX_SAFE_INTEGER, LIMITS.streamRecordsEnded)) {
    const left = leftWithout(
      record,
      end,
      Array.from({ length: record.keys }, (_, key) => key),
    );
    putRecord(pool, stream, record, { left, as, nowMs });
  }
}
