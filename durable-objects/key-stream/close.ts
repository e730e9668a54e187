/** CLOSE (ETSI GS QKD 004 V2.1.1 clause 5), and what qkd-module's clients ask besides. */
import { PROFILES } from "../../shared/etsi004/profiles.ts";
import type { StatusName } from "../../shared/etsi004/status.ts";
import type { AvailableAnswer, StreamCaller, StreamResult } from "../../shared/etsi004/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { handBack } from "./hand-back.ts";
import type { Seat } from "./half.ts";
import type { Halves } from "./halves.ts";

const only = (status: StatusName): Result<{ readonly status: StatusName }, never> => ok({ status });

const nothing = (status: StatusName): Result<AvailableAnswer, never> => ok({ status, indices: [], count: 0 });

/** Whoever has closed it may do so again, as long as anybody knows of the stream. */
export async function closeStream(
  halves: Halves,
  seat: Seat,
  { principal, profile }: StreamCaller,
): StreamResult<{ readonly status: StatusName }> {
  const { half, end } = seat;
  await handBack(halves, seat);
  const { ksid } = half;
  const { instance } = end;
  const mayStillFetch = PROFILES[profile].closedMayFetch;
  const closed = await halves.poolOf(half).closeStream({ principal, ksid, instance, self: end.self, mayStillFetch });
  if (!closed.ok) return closed.error.code === "no-route" ? only("unknown-ksid") : closed;
  // It may have ended since: with both ends closed nothing is left of it.
  if (closed.value === null) {
    await halves.hybrid.closed(half);
    return only(half.isClosedBy(end.self) ? "success" : "unknown-ksid");
  }
  half.learn(closed.value);
  if (!mayStillFetch) await halves.hybrid.closed(half);
  halves.tell(seat);
  return only("success");
}

export async function availableChunks(
  halves: Halves,
  seat: Seat,
  call: StreamCaller & { readonly count: number | null },
): StreamResult<AvailableAnswer> {
  const { half, end } = seat;
  const looked = await halves.look(seat, call.configVersion);
  if (!looked.ok) return looked;
  if (!looked.value) return nothing("unknown-ksid");
  if (half.peerOf(end.self).state === "absent") return nothing("peer-not-yet-connected");
  const { configVersion, principal } = call;
  const answer = await halves.poolOf(half).availableChunks({
    configVersion,
    principal,
    ksid: half.ksid,
    instance: end.instance,
    self: end.self,
    count: call.count === null ? null : Math.min(call.count, LIMITS.streamAheadChunks),
  });
  if (!answer.ok) return answer.error.code === "no-route" ? nothing("no-connection") : answer;
  // To the pool, what is read ahead has been had.
  const indices = [...new Set([...end.held.indices, ...answer.value.indices])].sort((a, b) => a - b);
  return ok({ status: "success", indices, count: indices.length + answer.value.possible });
}
