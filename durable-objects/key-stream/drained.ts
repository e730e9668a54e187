/** When there is nothing more to come of a stream. */
import type { StreamCaller } from "../../shared/etsi004/types.ts";
import type { Seat } from "./half.ts";
import type { Halves } from "./halves.ts";

/** Has the peer closed the stream, and is nothing left that this end may still fetch? */
export async function drained(halves: Halves, seat: Seat, call: StreamCaller): Promise<boolean> {
  const { half, end } = seat;
  const looked = await halves.look(seat, call.configVersion);
  if (!looked.ok || !looked.value) return false;
  if (half.peerOf(end.self).state !== "closed" || end.held.size > 0) return false;
  const { configVersion, principal, ksid } = call;
  const { instance } = end;
  const left = await halves
    .poolOf(half)
    .availableChunks({ configVersion, principal, ksid, instance, self: end.self, count: null });
  return left.ok && left.value.indices.length === 0;
}
