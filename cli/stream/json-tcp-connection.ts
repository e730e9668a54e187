/** A connection to a listener of the hybridization module's protocol, as the command line names one. */
import { LIMITS } from "../../shared/limits.ts";
import { JsonTcpConnection } from "../../tunnel/services/etsi004-json/connection.ts";
import type { Address } from "../lib/address.ts";
import { CliFailure } from "../lib/failure.ts";

/** What is asked on it throws CliFailure. @throws CliFailure with the system's reason */
export const openConnection = (address: Address): Promise<JsonTcpConnection> =>
  JsonTcpConnection.open(address, {
    timeoutMs: LIMITS.clientTimeoutMs,
    failure: (message) => new CliFailure(message),
  });
