/** What the local services have in common: an address of this machine, and an end. */
import type { AddressInfo, Server } from "node:net";
import { AgentFailure } from "../../agent/failure.ts";
import { reasonOf } from "../../agent/reason.ts";
import type { Log, LogFields } from "../../log.ts";
import type { KmsPort } from "../open-qkd-network/config.ts";
import type { Etsi004Config } from "./config.ts";

export interface Listening {
  readonly port: number;
  /** No new connections; those under way go on. */
  stop(): void;
  /** What is left is broken off. */
  close(): void;
}

export interface LocalService extends Listening {
  readonly kind: Etsi004Config["kind"] | `open-qkd-network-${KmsPort}`;
}

export interface LocalPlace {
  /** In messages. */
  readonly name: string;
  /** `*`: every address of the machine. */
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** Which it is, in every line of the log. */
  readonly fields: LogFields;
  /** For whom, in the line that says that it listens. */
  readonly acting: LogFields;
}

export const etsi004Place = ({ kind, address, port, sae, node }: Etsi004Config): LocalPlace => ({
  name: `etsi004 ${kind}`,
  address,
  port,
  fields: { etsi004: kind },
  acting: { sae, node },
});

/** @returns the port. @throws AgentFailure where it cannot be had */
export async function listenAt(server: Server, place: LocalPlace, log: Log): Promise<number> {
  const { name, address, port, fields, acting } = place;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) =>
    reject(new AgentFailure(`${name}: cannot listen on ${address} port ${port}: ${reasonOf(error)}`)),
  );
  server.listen({ port, ...(address === "*" ? {} : { host: address }) }, resolve);
  await promise;
  server.on("error", (error) => log("error", "listener failed", { ...fields, reason: reasonOf(error) }));
  const { port: got } = server.address() as AddressInfo;
  log("info", "listening", { ...fields, bind: address, port: got, ...acting });
  return got;
}
