/** What the local services have in common: an address of this machine, and an end. */
import type { AddressInfo, Server } from "node:net";
import { AgentFailure } from "../../agent/failure.ts";
import { reasonOf } from "../../agent/reason.ts";
import type { Log } from "../../log.ts";
import type { Etsi004Config } from "./config.ts";

export interface LocalService {
  readonly kind: Etsi004Config["kind"];
  readonly port: number;
  /** No new connections; those under way go on. */
  stop(): void;
  /** What is left is broken off. */
  close(): void;
}

type Place = Pick<Etsi004Config, "kind" | "address" | "port" | "sae" | "node">;

/** @returns the port. @throws AgentFailure where it cannot be had */
export async function listenAt(server: Server, { kind, address, port, sae, node }: Place, log: Log): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) =>
    reject(new AgentFailure(`etsi004 ${kind}: cannot listen on ${address} port ${port}: ${reasonOf(error)}`)),
  );
  // Without a host: every address of the machine.
  server.listen({ port, ...(address === "*" ? {} : { host: address }) }, resolve);
  await promise;
  server.on("error", (error) => log("error", "listener failed", { etsi004: kind, reason: reasonOf(error) }));
  const { port: got } = server.address() as AddressInfo;
  log("info", "listening", { etsi004: kind, bind: address, port: got, sae, node });
  return got;
}
