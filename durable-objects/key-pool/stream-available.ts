/** Which chunks an end may fetch, and how many there could be: what qkd-module's clients ask before GET_KEY. */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { flawOfAvailable } from "../../shared/keypool/stream-checks.ts";
import { isClosed } from "../../shared/keypool/stream-ends.ts";
import type { StreamPoolRpc } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commitLeased, hostedNodeOf, type PoolContext } from "./context.ts";
import { makeChunks, makesChunks } from "./stream-make.ts";
import { insertMade, publishReserved, type Reservation, reserve } from "./stream-reserve.ts";
import { cutBytes, type Seat, seatOf, unreadOf, withEnd } from "./stream-rows.ts";

type AvailableCall = Parameters<StreamPoolRpc["availableChunks"]>[0];
interface Available {
  readonly indices: readonly number[];
  readonly possible: number;
}
/** What `count` asks for beyond what is there, in bytes; 0: no more than there is. */
type Looked = Available & { readonly lackingBytes: number; readonly reserved?: Reservation };

const NONE: Looked = { indices: [], possible: 0, lackingBytes: 0 };

/** @param refill brings in at least so many bytes; false where there are none */
export async function availableChunks(
  pool: PoolContext,
  call: AvailableCall,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<Available, Fault>> {
  const flaw = flawOfAvailable(call, pool.pair);
  if (flaw !== null) return fail("bad-request", flaw);
  if (pool.half.streams !== null) return await pool.half.streams.available(call);
  let looked = await lookAndPublish(pool, call);
  if (looked.ok && looked.value.lackingBytes > 0 && (await refill(looked.value.lackingBytes)))
    looked = await lookAndPublish(pool, call);
  if (!looked.ok) return looked;
  const { indices, possible } = looked.value;
  return ok({ indices, possible });
}

/** What was made is there once all know of it. */
async function lookAndPublish(pool: PoolContext, call: AvailableCall): Promise<Result<Looked, Fault>> {
  const looked = await commitLeased(pool, () => ok(look(pool, call, Date.now())));
  if (!looked.ok || looked.value.reserved === undefined) return looked;
  const published = await publishReserved(pool, looked.value.reserved, call.principal);
  return published.ok ? looked : published;
}

function look(pool: PoolContext, call: AvailableCall, nowMs: number): Looked {
  const seat = seatOf(pool, call, nowMs);
  if (seat === undefined) return NONE;
  const { stream, end } = seat;
  if (stream.ends[end].state === "closed") return NONE;
  const { indices, low } = unreadOf(pool, seat, LIMITS.streamAheadChunks, nowMs);
  const known = low === stream.ends[end].low ? stream : withEnd(stream, end, { low });
  pool.streams.remember(known);
  if (isClosed(stream.ends[end]) || !makesChunks(pool, stream)) return { ...NONE, indices };
  const missing = Math.min(call.count ?? 0, LIMITS.streamAheadChunks) - indices.length;
  const isMaking = missing > 0 && pool.half.refusal() === null;
  const made = isMaking ? make(pool, call, { stream: known, end }, { missing, nowMs }) : NOTHING_MADE;
  const lacking = Math.max(0, missing - made.indices.length);
  return {
    ...(made.reserved === undefined ? {} : { reserved: made.reserved }),
    indices: [...indices, ...made.indices],
    possible: possibleOf(pool, cutBytes(stream)),
    lackingBytes: lacking * cutBytes(stream),
  };
}

interface Made {
  readonly indices: readonly number[];
  /** The other half has to know of them first. */
  readonly reserved?: Reservation;
}
const NOTHING_MADE: Made = { indices: [] };

/** As many of them as there is key for. */
function make(
  pool: PoolContext,
  { principal }: AvailableCall,
  { stream }: Seat,
  { missing, nowMs }: { readonly missing: number; readonly nowMs: number },
): Made {
  const chunkBytes = cutBytes(stream);
  let count = missing;
  while (count > 1 && !pool.books.has(count * chunkBytes)) count--;
  const made = makeChunks(pool, stream, { principal, must: count, ahead: 0, turn: null }, nowMs);
  if (typeof made === "string") return NOTHING_MADE;
  const reserved = made.state === "reserved" ? reserve(pool, stream, made) : undefined;
  if (reserved === undefined) insertMade(pool, stream, made);
  pool.books.audit({
    atMs: nowMs,
    act: "stream.chunks",
    who: principal,
    node: hostedNodeOf(pool),
    detail: { ksid: stream.ksid, instance: stream.instance, chunks: 0, made: made.keys, pool: pool.pairName },
  });
  const indices = Array.from({ length: made.keys }, (_, key) => made.chunks.first + key);
  return reserved === undefined ? { indices } : { indices, reserved };
}

/** Within one node there is no end of it: what may be made ahead. */
function possibleOf(pool: PoolContext, chunkBytes: number): number {
  if (pool.config().source === "local") return LIMITS.streamAheadChunks;
  return Math.max(0, Math.floor((pool.books.totals.ledger.available / 8 - pool.floorBytes()) / chunkBytes));
}
