/** Brings chunks in from the pool: those that are asked for, and some ahead. */
import type { Fault } from "../../shared/errors/errors.ts";
import { NextIndex } from "../../shared/etsi004/next-index.ts";
import { fetches } from "../../shared/etsi004/read-ahead.ts";
import type { StatusName } from "../../shared/etsi004/status.ts";
import type { GetKeyCall, StreamCaller } from "../../shared/etsi004/types.ts";
import type { ChunksAnswer } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { End, Seat } from "./half.ts";
import type { Halves } from "./halves.ts";
import type { Turn } from "./turns.ts";
import { atMost } from "./waiting.ts";

export type NoKey = Exclude<StatusName, "success" | "metadata-too-small">;

/** What a call waits with, in its turn. */
export interface Waiting {
  readonly turn: Turn;
  readonly untilMs: number;
  /** Is there still somebody who waits? */
  readonly isWanted: () => boolean;
}

/** Chunks that are held now, or why there are none. */
export type Brought = { readonly indices: readonly number[] } | { readonly none: NoKey };

const none = (status: NoKey): Result<Brought, never> => ok({ none: status });

export async function bringIn(
  halves: Halves,
  seat: Seat,
  call: GetKeyCall,
  waiting: Waiting,
): Promise<Result<Brought, Fault>> {
  const { half, end } = seat;
  const { nowMs } = halves.reach;
  for (let missed = -1; ;) {
    const wanted = await wantedBy(halves, seat, call);
    if (!wanted.ok) return wanted;
    if (wanted.value === null || half.stream.instance !== end.instance) return none("unknown-ksid");
    const [first = 0] = wanted.value;
    const missing = end.held.missing(wanted.value, nowMs() - half.stream.qos.ttlSeconds * 1000);
    if (missing.length === 0) return ok({ indices: wanted.value });
    const askedMs = nowMs();
    // Others may want what is there already: nobody holds them up for long.
    const sliceMs = end.turns.waiting > 0 ? LIMITS.streamLookMs : LIMITS.streamDefaultTimeoutMs;
    const waitMs = atMost(sliceMs, waiting.untilMs, askedMs);
    const lowestFirst = missing.toSorted((x, y) => x - y);
    const answer = await ask(halves, seat, call, lowestFirst, waitMs);
    if (!answer.ok) return answer.error.code === "no-route" ? none("no-connection") : err(answer.error);
    const { value } = answer;
    switch (value.outcome) {
      case "handed":
        end.held.hold(value.chunks, value.bytes);
        break;
      case "gone":
        // The next one of this end may have expired: on with the one after it. It was looked for once already: no more.
        if (call.indices !== null || first === missed) return none("insufficient-key");
        missed = first;
        end.next = null;
        break;
      case "insufficient":
        if (nowMs() - askedMs < waitMs) return none("insufficient-key");
        if (nowMs() >= waiting.untilMs || !waiting.isWanted()) return none("timeout");
        if (!(await waiting.turn.again(waiting.untilMs))) return none("timeout");
        break;
      case "peer-absent":
        return none("peer-not-yet-connected");
      case "closed":
      case "unknown": {
        // Another stream of this KSID may be there by now: for the next call.
        const looked = await halves.look(seat, call.configVersion);
        return looked.ok ? none("unknown-ksid") : looked;
      }
    }
  }
}

async function ask(
  halves: Halves,
  { half, end }: Seat,
  call: StreamCaller,
  indices: readonly number[],
  waitMs: number,
): Promise<Result<ChunksAnswer, Fault>> {
  const { configVersion, principal } = call;
  const afterClose = half.isClosedBy(end.self);
  return await halves.poolOf(half).chunks({
    configVersion,
    principal,
    ksid: half.ksid,
    instance: end.instance,
    self: end.self,
    indices,
    readAhead: afterClose ? 0 : readAhead(end, indices),
    waitMs,
    afterClose,
    ...(half.stream.hybrid === undefined ? {} : { hybrid: true }),
  });
}

/** @param indices lowest first */
function readAhead(end: End, indices: readonly number[]): number {
  const { pace, ahead } = fetches(end.pace);
  end.pace = pace;
  const [first = 0, last = first] = [indices[0], indices.at(-1)];
  // Who names indices all over the stream has no use for the ones after them.
  if (end.next === null || Math.abs(first - end.next.next) > LIMITS.streamReadAhead) return 0;
  // Those that wait behind this call want the next ones, too.
  return end.next.run(last + 1, Math.min(Math.max(ahead, end.turns.waiting), LIMITS.streamReadAhead));
}

/** @returns null where the stream is no more */
async function wantedBy(
  halves: Halves,
  seat: Seat,
  call: GetKeyCall,
): Promise<Result<readonly number[] | null, Fault>> {
  if (call.indices !== null) return ok(call.indices);
  if (seat.end.next === null) {
    const found = await findNext(halves, seat, call);
    if (!found.ok) return found;
    if (!found.value) return ok(null);
  }
  return ok([seat.end.next?.next ?? 0]);
}

/** The lowest chunk that this end may still have: where it went on before a restart, or where what is left begins. */
async function findNext(halves: Halves, seat: Seat, call: StreamCaller): Promise<Result<boolean, Fault>> {
  const { half, end } = seat;
  const { configVersion, principal } = call;
  const looked = await halves.look(seat, configVersion);
  if (!looked.ok || !looked.value) return looked;
  const { nextIndex } = half.stream;
  const { ksid } = half;
  const { instance } = end;
  const left = await halves
    .poolOf(half)
    .availableChunks({ configVersion, principal, ksid, instance, self: end.self, count: null });
  if (!left.ok) return left;
  const there = [...left.value.indices, ...end.held.indices];
  end.next = new NextIndex(Math.min(nextIndex, ...there));
  const made = Array.from({ length: Math.min(nextIndex - end.next.next, LIMITS.streamAheadChunks) }, (_, i) => i);
  const from = end.next.next;
  end.next.had(made.map((i) => from + i).filter((index) => !there.includes(index)));
  return ok(true);
}
