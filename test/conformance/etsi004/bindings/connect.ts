/** A connection to a TCP port of a node's agent. */
import { once } from "node:events";
import net from "node:net";
import type { RunningNetwork } from "../../../support/run-network.ts";

export async function connectTo(
  network: RunningNetwork,
  capability: "etsi004Json" | "etsi004Binary",
  node: string,
): Promise<net.Socket> {
  const [host = "", port] = network.local[capability]?.[node]?.split(":") ?? [];
  const socket = net.connect({ host, port: Number(port), noDelay: true });
  await once(socket, "connect");
  return socket;
}
