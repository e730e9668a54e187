/**
 * OPEN_CONNECT (ETSI GS QKD 004 V2.1.1 clause 6.1), the pool's part: registers a stream once for both ends. Who comes
 * first owns its QoS; who comes second has to be who the first one named, and to name the first one.
 */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { negotiate } from "../../shared/etsi004/negotiate.ts";
import type { Qos } from "../../shared/etsi004/qos.ts";
import { differenceOf, type HybridTerms } from "../../shared/hybrid/edge/terms.ts";
import type { SaeId } from "../../shared/ids.ts";
import { streamBounds } from "../../shared/keypool/stream-admission.ts";
import { flawOfOpen } from "../../shared/keypool/stream-checks.ts";
import { endOf, fits, isClosed, mayJoin, otherEnd } from "../../shared/keypool/stream-ends.ts";
import type { StreamOpenCall, StreamOpened } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commitLeased, type PoolContext } from "./context.ts";
import { endStream } from "./stream-end.ts";
import { idleEndMs, liveStream, loggedAt, stateOf, touched, withEnd } from "./stream-rows.ts";
import type { StreamRow } from "./stream-store.ts";

type Outcome = Result<StreamOpened, Fault>;

export async function openStream(pool: PoolContext, call: StreamOpenCall): Promise<Outcome> {
  const flaw = flawOfOpen(call, pool.pair);
  if (flaw !== null) return fail("bad-request", flaw);
  if (pool.config().state !== "active") return fail("no-route", "this pair of nodes gives no new keys");
  const { streams, ownNode } = pool.half;
  if (ownNode !== null && call.hybrid !== undefined) {
    return fail("no-route", "the other node lives in another deployment: hybrid streams need both nodes hosted here");
  }
  if (streams !== null) return await streams.open(call);
  return await commitLeased(pool, () => open(pool, call, Date.now()));
}

function open(pool: PoolContext, call: StreamOpenCall, nowMs: number): Outcome {
  const stream = liveStream(pool, call.ksid, nowMs);
  if (stream === undefined) return register(pool, call, nowMs);
  const end = endOf(stream.ends, call.self);
  if (end === null && !mayJoin(stream.ends, call.self, call.peer)) return IN_USE;
  if (end !== null && (isClosed(stream.ends[end]) || !fits(call.peer, stream.ends[otherEnd(end)]))) return IN_USE;
  const difference = differenceOf(stream.hybrid ?? undefined, call.hybrid);
  if (difference !== null) return fail("conflict", difference);
  if (end === null) return join(pool, call, stream, nowMs);
  return ok({ outcome: "same-end", stream: stateOf(pool, touched(pool, stream, nowMs)) });
}

const IN_USE: Outcome = ok({ outcome: "in-use" });

function register(pool: PoolContext, call: StreamOpenCall, nowMs: number): Outcome {
  const { streams, books } = pool;
  const former = streams.byKsid(call.ksid);
  const { qos, met } = qosFor(pool, call.qos, nowMs);
  if (!met && !call.opensAdjusted) return ok({ outcome: "qos-not-met", qos, stream: null });
  const room = roomFor(pool, call.self.sae);
  if (!room.ok) return room;
  // Its time was over, and the alarm has not come to it yet.
  if (former !== undefined) endStream(pool, former);
  // No number is ever used again, not even where the storage was put back from an old copy: the clock goes on.
  const instance = Math.max(books.totals.nextStream, nowMs);
  books.count({ nextStream: instance + 1 });
  const stream: StreamRow = {
    instance,
    ksid: call.ksid,
    qos,
    hybrid: call.hybrid ?? null,
    ends: [
      { ...call.self, state: "open", low: 0 },
      { ...call.peer, state: "absent", low: 0 },
    ],
    nextIndex: 0,
    usedMs: nowMs,
    endsMs: idleEndMs(nowMs),
  };
  streams.insert(stream);
  auditOpen(pool, call, stream, nowMs);
  return ok({ ...(met ? { outcome: "opened" } : { outcome: "qos-not-met", qos }), stream: stateOf(pool, stream) });
}

function qosFor(pool: PoolContext, asked: Qos, nowMs: number): ReturnType<typeof negotiate> {
  const supplies = {
    rates: pool.flow.rates(nowMs),
    availableBits: pool.books.totals.ledger.available,
    reservedBps: pool.streams.totals.reservedBps,
  };
  return negotiate(asked, streamBounds(pool.config(), supplies));
}

function roomFor(pool: PoolContext, sae: SaeId): Result<null, Fault> {
  const { streams, bySae } = pool.streams.totals;
  if (streams >= LIMITS.streams)
    return fail("pool-full", `this pair of nodes has ${LIMITS.streams} key streams already`);
  return (bySae.get(sae) ?? 0) < LIMITS.streamsPerSae
    ? ok(null)
    : fail("pool-full", `this SAE has ${LIMITS.streamsPerSae} key streams open on this pair of nodes already`);
}

function join(pool: PoolContext, call: StreamOpenCall, stream: StreamRow, nowMs: number): Outcome {
  const room = roomFor(pool, call.self.sae);
  // The stream itself is counted.
  if (!room.ok && pool.streams.totals.streams < LIMITS.streams) return room;
  const joined = {
    ...withEnd(stream, 1, { sae: call.self.sae, state: "open" }),
    usedMs: nowMs,
    endsMs: idleEndMs(nowMs),
  };
  pool.streams.update(stream, joined);
  auditOpen(pool, call, joined, nowMs);
  return ok({ outcome: "joined", stream: stateOf(pool, joined) });
}

function auditOpen(pool: PoolContext, { principal, self, ksid }: StreamOpenCall, stream: StreamRow, nowMs: number) {
  const { instance, qos, ends, hybrid } = stream;
  const isJoining = ends[1].state === "open";
  const detail = {
    ksid,
    instance,
    peer: ends[isJoining ? 0 : 1].sae,
    size_bits: qos.chunkBytes * 8,
    min_bps: qos.minBps,
    pool: pool.pairName,
    ...(hybrid === null ? {} : told(hybrid)),
  };
  const act = isJoining ? "stream.join" : "stream.open";
  pool.books.audit({ atMs: nowMs, act, who: principal, node: loggedAt(pool, self.node), detail });
}

const told = ({ method, sources, dropped }: HybridTerms) => ({
  method,
  sources: sources.map(({ algorithm }) => algorithm).join(","),
  ...(dropped.length === 0 ? {} : { dropped: dropped.join(",") }),
});
