/** GET_KEY (ETSI GS QKD 004 V2.1.1 clause 5). */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { metadataOf } from "../../shared/etsi004/metadata.ts";
import { PROFILES } from "../../shared/etsi004/profiles.ts";
import { putBits, type RateLimit, rateLimit, takeBits } from "../../shared/etsi004/rate.ts";
import { called } from "../../shared/etsi004/read-ahead.ts";
import type { GetKeyAnswer, GetKeyCall, StreamResult } from "../../shared/etsi004/types.ts";
import { EDGE_QKD_BYTES, hybridMetadata } from "../../shared/hybrid/edge/terms.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { bringIn, type Waiting } from "./bring-in.ts";
import { watchHeld } from "./hand-back.ts";
import type { Seat } from "./half.ts";
import type { Halves } from "./halves.ts";
import { atMost, tooManyWait } from "./waiting.ts";

/** @param isWanted asked last of all, too: key for somebody who has gone meanwhile stays where it is */
export async function getKey(
  halves: Halves,
  seat: Seat,
  call: GetKeyCall,
  isWanted: () => boolean = () => true,
): StreamResult<GetKeyAnswer> {
  const { half, end } = seat;
  if (half.isClosedBy(end.self) && !PROFILES[call.profile].closedMayFetch) return ok({ status: "unknown-ksid" });
  if (call.indices !== null) {
    const objection = objectionTo(call.indices);
    if (!objection.ok) return objection;
  }
  if (end.turns.waiting >= LIMITS.streamWaiting) return err(tooManyWait());
  const untilMs = halves.reach.nowMs() + half.stream.qos.timeoutMs;
  const turn = await end.turns.take(untilMs);
  if (turn === null) return ok({ status: "timeout" });
  try {
    return await giveInTurn(halves, seat, call, { turn, untilMs, isWanted });
  } finally {
    turn.release();
    watchHeld(halves, seat);
  }
}

async function giveInTurn(halves: Halves, seat: Seat, call: GetKeyCall, waiting: Waiting): StreamResult<GetKeyAnswer> {
  const { half, end } = seat;
  const { nowMs } = halves.reach;
  const { qos, hybrid } = half.stream;
  end.pace = called(end.pace, nowMs());
  const limit = rateLimit(qos.maxBps, qos.chunkBytes);
  const bits = (call.indices?.length ?? 1) * qos.chunkBytes * 8;
  if (limit !== null && !(await takeInTime(seat, limit, bits, waiting, nowMs))) return ok({ status: "timeout" });
  const answer = await give();
  if (limit !== null && !(answer.ok && answer.value.status === "success") && end.bucket !== null) {
    end.bucket = putBits(end.bucket, bits);
  }
  return answer;

  async function give(): StreamResult<GetKeyAnswer> {
    let indices: readonly number[];
    for (;;) {
      const brought = await bringIn(halves, seat, call, waiting);
      if (!brought.ok) return brought;
      if ("none" in brought.value) return ok({ status: brought.value.none });
      ({ indices } = brought.value);
      // KEM secrets are agreed on when there is a chunk for them: none are for chunks that may never be.
      if (hybrid === undefined || halves.hybrid.isReady(half, indices)) break;
      const prepared = await halves.hybrid.prepare(seat, indices, waiting.untilMs);
      if (!prepared.ok) return prepared;
      if (!prepared.value) return ok({ status: "timeout" });
      // What was held may have gone meanwhile, as when this end has closed the stream.
    }
    if (!waiting.isWanted()) return ok({ status: "timeout" });
    const wish = { mimetype: qos.metadataMimetype, size: call.metadataSize };
    const about = {
      madeMs: end.held.oldestMs(indices),
      hops: end.held.hops(indices),
      ...(hybrid === undefined ? {} : hybridMetadata(hybrid)),
    };
    const metadata = metadataOf(wish, about, nowMs());
    // What is held stays so: the chunk is not lost.
    if ("neededSize" in metadata) return ok({ status: "metadata-too-small", neededSize: metadata.neededSize });
    const key =
      hybrid === undefined
        ? ok(end.held.copy(indices, qos.chunkBytes))
        : halves.hybrid.mix(half, { indices, qkd: end.held.copy(indices, EDGE_QKD_BYTES) });
    if (!key.ok) return key;
    end.held.given(indices);
    end.next?.had(indices);
    return ok({ status: "success", indices, key: key.value, chunkBytes: qos.chunkBytes, metadata: metadata.text });
  }
}

function objectionTo(indices: readonly number[]): Result<null, Fault> {
  if (indices.length === 0 || indices.length > LIMITS.streamChunksAtOnce) {
    return fail("bad-request", `1 to ${LIMITS.streamChunksAtOnce} indices`);
  }
  if (!indices.every((index) => Number.isInteger(index) && index >= 0 && index < 2 ** 32)) {
    return fail("bad-request", "an index is a number from 0 to 4294967295");
  }
  return new Set(indices).size === indices.length ? ok(null) : fail("bad-request", "an index is named twice");
}

/** Waits for the stream's rate. @returns whether it came to it in time, and is still wanted */
async function takeInTime(
  { half, end }: Seat,
  limit: RateLimit,
  bits: number,
  { untilMs, isWanted }: Waiting,
  nowMs: () => number,
): Promise<boolean> {
  for (;;) {
    const { bucket, waitMs } = takeBits(end.bucket, limit, bits, nowMs());
    end.bucket = bucket;
    if (waitMs === 0) return true;
    if (nowMs() >= untilMs || !isWanted()) return false;
    await half.news.wait(atMost(waitMs, untilMs, nowMs()));
  }
}
