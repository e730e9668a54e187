/** Two sockets as one: each end for itself, what waits is waited for, and what breaks one breaks the other. */
import type { Duplex } from "node:stream";
import { breakSocket, endedInOrder } from "./pump.ts";

export function joinSockets(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => breakSocket(to));
    from.once("close", () => (endedInOrder(from) ? undefined : breakSocket(to)));
    from.pipe(to);
  }
}
