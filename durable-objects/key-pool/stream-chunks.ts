/**
 * GET_KEY (ETSI GS QKD 004 V2.1.1 clause 6.1), the pool's part: hands chunks to one end, made first where they are not.
 * One commit marks them as had and makes the answer: after a crash an end has had a chunk or can have it, never both.
 */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { flawOfChunks } from "../../shared/keypool/stream-checks.ts";
import { isClosed, otherEnd } from "../../shared/keypool/stream-ends.ts";
import type { SaeId } from "../../shared/ids.ts";
import type { ChunksAnswer, ChunksCall, ChunksPlaced } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commitLeased, type PoolContext } from "./context.ts";
import { isLeft } from "./left.ts";
import type { StreamsAway } from "./stream-away.ts";
import { makeChunks, makesChunks, supplyOf } from "./stream-make.ts";
import { publishReserved, type Reservation, reserve } from "./stream-reserve.ts";
import { type Pick, type Tell, tellBytes, tellPlaces } from "./stream-telling.ts";
import { bitOf, type ChunkRecord, leftWithout, mayFetch, putRecord, recordsOf } from "./stream-records.ts";
import { cutBytes, loggedAt, lowAfter, type Seat, seatOf, touched, withEnd } from "./stream-rows.ts";
import type { StreamRow } from "./stream-store.ts";
import type { WaitingTurn } from "./stream-turns.ts";

/** It cannot be served now. */
interface Short {
  readonly lacks: "short" | "refused";
  /** Whose quotas and priority they are: the opener's, whoever asks. */
  readonly holder: string;
  readonly priority: number;
  readonly bytes: number;
}
/** Nothing is handed over before all know of chunks: those that were made for this call, or for another. */
type OnTheWay = { readonly reserved: Reservation } | { readonly awaited: Promise<void> };

type NotHanded = Exclude<ChunksAnswer, { readonly outcome: "handed" }>;
type Served<T> = Result<T | NotHanded | Short | OnTheWay, Fault>;
type Refill = (bytes: number) => Promise<boolean>;

/** A call that waits for nothing is held up by the making of key for so long at most. */
const PATIENCE_MS = 5000;

/** @param refill brings in at least so many bytes; false where there are none */
export const giveChunks = async (
  pool: PoolContext,
  call: ChunksCall,
  refill: Refill,
): Promise<Result<ChunksAnswer, Fault>> =>
  pool.half.streams === null
    ? await give(pool, call, refill, tellBytes)
    : await giveAway(pool, call, pool.half.streams);

async function giveAway(pool: PoolContext, call: ChunksCall, streams: StreamsAway) {
  const flaw = flawOfChunks(call, pool.pair);
  return flaw === null ? await streams.chunks(call) : fail("bad-request", flaw);
}

/** For the end at the other half. */
export const placeChunks = async (
  pool: PoolContext,
  call: ChunksCall,
  refill: Refill,
): Promise<Result<ChunksPlaced | NotHanded, Fault>> => await give(pool, call, refill, tellPlaces);

async function give<T extends { readonly outcome: string }>(
  pool: PoolContext,
  call: ChunksCall,
  refill: Refill,
  tell: Tell<T>,
): Promise<Result<T | NotHanded, Fault>> {
  const flaw = flawOfChunks(call, pool.pair);
  if (flaw !== null) return fail("bad-request", flaw);
  const startMs = Date.now();
  const untilMs = startMs + call.waitMs;
  const place: Place = { turn: null, isServed: false };
  try {
    for (;;) {
      const served = await commitLeased(pool, () => serveInTurn(pool, call, { place, tell }, Date.now()));
      if (!served.ok) return served;
      const answer = served.value;
      if ("awaited" in answer) {
        await answer.awaited;
        continue;
      }
      if ("reserved" in answer) {
        const published = await publishReserved(pool, answer.reserved, call.principal);
        if (!published.ok) return published;
        continue;
      }
      if (!("lacks" in answer)) {
        place.isServed = answer.outcome === "handed" || answer.outcome === "placed";
        return ok(answer);
      }
      const { turn } = place;
      if (turn === null) return ok({ outcome: "insufficient" });
      const isNext = !turn.isAside && pool.turns.mayGo(turn, turn.priority, supplyOf(pool, Date.now()));
      if (isNext && Date.now() < Math.max(untilMs, startMs + PATIENCE_MS) && (await refill(answer.bytes))) continue;
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) return ok({ outcome: "insufficient" });
      await pool.turns.wait(turn, Math.min(leftMs, LIMITS.streamTurnMs));
      turn.isAside = false;
    }
  } finally {
    if (place.turn !== null) pool.turns.leave(place.turn, place.isServed);
  }
}

/** Of a call among those that wait. */
interface Place {
  turn: WaitingTurn | null;
  isServed: boolean;
}

/** From the moment it finds too little, those of lower priority go before it only as `Turns` lets them. */
function serveInTurn<T extends object>(
  pool: PoolContext,
  call: ChunksCall,
  { place, tell }: { readonly place: Place; readonly tell: Tell<T> },
  nowMs: number,
): Served<T> {
  const served = serve(pool, call, { turn: place.turn, tell }, nowMs);
  if (served.ok && "lacks" in served.value) {
    const { lacks, ...wish } = served.value;
    place.turn ??= pool.turns.join(wish);
    if (place.turn !== null) place.turn.isAside = lacks === "refused";
  }
  return served;
}

function serve<T extends object>(
  pool: PoolContext,
  call: ChunksCall,
  { turn, tell }: { readonly turn: WaitingTurn | null; readonly tell: Tell<T> },
  nowMs: number,
): Served<T> {
  const seat = seatOf(pool, call, nowMs);
  if (seat === undefined) return ok({ outcome: "unknown" });
  const { stream, end } = seat;
  // A half that would give QKD key alone for what was to be mixed with other secrets.
  if (stream.hybrid !== null && call.hybrid !== true) return ok({ outcome: "unknown" });
  const isOver = isClosed(stream.ends[end]);
  if (isOver && !call.afterClose) return ok({ outcome: "closed" });
  if (stream.ends[otherEnd(end)].state === "absent") return ok({ outcome: "peer-absent" });
  const last = call.indices.at(-1) ?? 0;
  if (last >= stream.nextIndex + LIMITS.streamAheadChunks) return ok({ outcome: "insufficient" });
  // It has given up what it had not had; within the grace that looks as if it had had it.
  if (stream.ends[end].state === "closed") return ok({ outcome: "gone" });
  const picks = pickReady(pool, seat, call.indices, nowMs);
  if (picks === null) {
    const awaited = pool.reservations.awaited(pool, stream, call.indices);
    return ok(awaited === undefined ? { outcome: "gone" } : { awaited });
  }
  const must = Math.max(0, last + 1 - stream.nextIndex);
  const makes = makesChunks(pool, stream);
  if (must > 0 && !makes) return isRunningHere(pool, stream);
  const isShared = pool.half.ownNode !== null;
  const refusal = must > 0 ? pool.half.refusal() : null;
  if (refusal !== null) return err(refusal);
  // What is there already is not held up by what the other half has to be told of first.
  const ahead =
    isShared && must === 0 ? 0 : Math.max(0, last + 1 + call.readAhead - Math.max(stream.nextIndex, last + 1));
  if (!isOver) picks.push(...pickAhead(pool, seat, { from: last + 1, to: last + call.readAhead }, nowMs));
  let made: ChunkRecord | undefined;
  if (makes && must + ahead > 0) {
    const cut = makeChunks(pool, stream, { principal: call.principal, must, ahead, turn }, nowMs);
    if (typeof cut !== "string" && isShared) return ok({ reserved: reserve(pool, stream, cut) });
    if (typeof cut !== "string") made = cut;
    else if (must > 0) {
      const { priority } = stream.qos;
      return ok({ lacks: cut, holder: stream.ends[0].sae as SaeId, priority, bytes: must * cutBytes(stream) });
    }
  }
  if (made !== undefined) picks.push(pickMade(made, call.indices, last));
  return ok(hand(pool, call, seat, { picks, made, tell, nowMs }));
}

/** Why no more chunks are made: an end has closed, or the pair gives none. */
const isRunningHere = (pool: PoolContext, { ends }: StreamRow): Result<NotHanded, Fault> =>
  ends.some(isClosed) || pool.config().state === "active"
    ? ok({ outcome: "gone" })
    : fail("no-route", "this pair of nodes gives no new keys");

/** Of the chunks asked for, those made already; null where one of them is not there for this end. */
function pickReady(pool: PoolContext, seat: Seat, indices: readonly number[], nowMs: number): Pick[] | null {
  const known = indices.filter((index) => index < seat.stream.nextIndex);
  const picks: Pick[] = [];
  for (let at = 0; at < known.length;) {
    const from = known[at] as number;
    let count = 1;
    while (known[at + count] === from + count) count++;
    const found = pickRun(pool, seat, { from, to: from + count - 1 }, nowMs);
    if (found.reduce((sum, { keys }) => sum + keys.length, 0) < count) return null;
    picks.push(...found);
    at += count;
  }
  return picks;
}

/** Those after it that are there all the same. */
function pickAhead(pool: PoolContext, seat: Seat, run: Run, nowMs: number): Pick[] {
  const to = Math.min(run.to, seat.stream.nextIndex - 1);
  return to < run.from ? [] : pickRun(pool, seat, { from: run.from, to }, nowMs);
}

interface Run {
  readonly from: number;
  readonly to: number;
}

function pickRun(pool: PoolContext, { stream, end }: Seat, { from, to }: Run, nowMs: number): Pick[] {
  const picks: Pick[] = [];
  for (const record of recordsOf(pool, stream, from, to, to - from + 2)) {
    const { first } = record.chunks;
    const keys: number[] = [];
    for (let key = Math.max(0, from - first); key < record.keys && first + key <= to; key++) {
      if (mayFetch(pool, record, { end, key, nowMs })) keys.push(key);
    }
    if (keys.length > 0) picks.push({ record, keys });
  }
  return picks;
}

/** Of what was made, what was asked for and what is read ahead; the rest was on the way to it. */
function pickMade(record: ChunkRecord, indices: readonly number[], last: number): Pick {
  const { first } = record.chunks;
  const keys: number[] = [];
  for (let key = 0; key < record.keys; key++) {
    if (first + key > last || indices.includes(first + key)) keys.push(key);
  }
  return { record, keys };
}

function hand<T>(
  pool: PoolContext,
  call: ChunksCall,
  { stream, end }: Seat,
  {
    picks,
    made,
    tell,
    nowMs,
  }: {
    readonly picks: readonly Pick[];
    readonly made: ChunkRecord | undefined;
    readonly tell: Tell<T>;
    readonly nowMs: number;
  },
): T {
  const indices = picks.flatMap(({ record, keys }) => keys.map((key) => record.chunks.first + key));
  const told = tell(pool, picks);
  pool.useLease(indices.length + (made?.keys ?? 0));
  holdFirst(pool, { stream, end }, picks, nowMs);
  const { delivery_grace_s: graceSeconds } = pool.config().policy;
  const graceUntilMs = graceSeconds === 0 ? 0 : nowMs + graceSeconds * 1000;
  for (const same of Map.groupBy(picks, ({ record: { id } }) => id).values()) {
    const [{ record }] = same as [Pick];
    const left = leftWithout(
      record,
      end,
      same.flatMap(({ keys }) => keys),
    );
    if (record === made) pool.records.insert({ ...record, left, holdUntilMs: graceUntilMs });
    else putRecord(pool, stream, record, { left, graceUntilMs, as: "delivered", nowMs });
  }
  const low = lowAfter(stream.ends[end].low, indices);
  const moved = { ...withEnd(stream, end, { low }), nextIndex: stream.nextIndex + (made?.keys ?? 0) };
  if (made === undefined) pool.streams.remember(moved);
  else pool.streams.progress(moved);
  touched(pool, moved, nowMs);
  auditHanded(pool, call, { indices, made: made?.keys ?? 0, nowMs });
  return told;
}

/** What is only read again within the grace stays had: it cannot be given back, to be read at any time. */
function holdFirst(
  pool: PoolContext,
  { stream: { instance }, end }: Seat,
  picks: readonly Pick[],
  nowMs: number,
): void {
  const [first, again]: [number[], Set<number>] = [[], new Set()];
  for (const { record, keys } of picks) {
    for (const key of keys) {
      const index = record.chunks.first + key;
      if (isLeft(record.left, bitOf(record, end, key))) first.push(index);
      else again.add(index);
    }
  }
  if (again.size > 0) pool.holds.letGo(instance, end, again);
  if (first.length > 0) pool.holds.add({ instance, end, indices: first, untilMs: nowMs + LIMITS.streamHoldMs });
}

function auditHanded(
  pool: PoolContext,
  { principal, self, ksid, instance }: ChunksCall,
  { indices, made, nowMs }: { readonly indices: readonly number[]; readonly made: number; readonly nowMs: number },
): void {
  const detail = { ksid, instance, first_index: indices[0] ?? null, chunks: indices.length, made, pool: pool.pairName };
  pool.books.audit({ atMs: nowMs, act: "stream.chunks", who: principal, node: loggedAt(pool, self.node), detail });
}
