/** A connection to a listener of the hybridization module's protocol, as the command line names one. */
import { LIMITS } from "../../shared/limits.ts";
import { JsonTcpConnection } from "../../tunnel/services/etsi004-json/connection.ts";
import { CliFailure } from "../lib/failure.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:65430`, `[::1]:65430`, `agent.lan:65430`; null for anything else. */
export function parseAddress(text: string): Address | null {
  const parts = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^:/\s[\]]+)):(?<port>[0-9]{1,5})$/i.exec(text)?.groups;
  if (parts === undefined) return null;
  const port = Number(parts["port"]);
  return port >= 1 && port <= 65_535 ? { host: parts["v6"] ?? parts["name"] ?? "", port } : null;
}

/** What is asked on it throws CliFailure. @throws CliFailure with the system's reason */
export const openConnection = (address: Address): Promise<JsonTcpConnection> =>
  JsonTcpConnection.open(address, {
    timeoutMs: LIMITS.clientTimeoutMs,
    failure: (message) => new CliFailure(message),
  });
