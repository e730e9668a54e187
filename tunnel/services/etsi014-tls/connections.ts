/** The open connections of a front. */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Log } from "../../log.ts";
import { destroySoon } from "./bad-request.ts";
import type { Carrier } from "./carrier.ts";
import type { Caller } from "./identity.ts";

/** Who is there, and how to end each of its requests under way. */
export interface Connection {
  readonly caller: Caller;
  readonly running: Set<() => void>;
  /** One more than its certificate may have: each request on it is answered so, and it is closed soon. */
  readonly surplus: boolean;
}
/** By socket: Node names one and the same TLS socket by three types. */
export type Connections = Map<Duplex, Connection>;

/** Enters a connection whose handshake is done, until it closes. */
export function enterConnection(
  connections: Connections,
  socket: TLSSocket,
  caller: Caller,
  carrier: Pick<Carrier, "load" | "watch">,
  log: Log,
): void {
  const { node, fingerprint } = caller;
  const running = new Set<() => void>();
  const leaveLoad = carrier.load.connect(fingerprint);
  connections.set(socket, { caller, running, surplus: leaveLoad === undefined });
  const hangUp = (): void => {
    log("info", "connection-closed", { node, certificate: fingerprint, reason: "the certificate no longer counts" });
    socket.destroy();
  };
  const leaveWatch = carrier.watch.enter(caller, hangUp);
  socket.once("close", () => {
    connections.delete(socket);
    leaveWatch();
    leaveLoad?.();
    // Not left to the answers alone: before Node 24, only the first of pipelined ones hears of this.
    for (const leave of running) leave();
  });
  if (leaveLoad === undefined) {
    log("warn", "connection-refused", {
      node,
      certificate: fingerprint,
      reason: "one more than a certificate may have",
    });
    destroySoon(socket);
  }
}
