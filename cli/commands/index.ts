/** Every command, in the order of the help. */
import type { Command } from "../lib/command.ts";
import { alarms } from "./alarms.ts";
import { audit } from "./audit.ts";
import { certSign } from "./cert.ts";
import { epochs } from "./epochs.ts";
import { importCommand } from "./import.ts";
import { ingest } from "./ingest.ts";
import { ipsecCommands } from "./ipsec.ts";
import { networkCommands } from "./network.ts";
import { nodeIdentity } from "./node.ts";
import { nodeCommands } from "./nodes.ts";
import { password } from "./password.ts";
import { revocations, revoke } from "./revoke.ts";
import { status } from "./status.ts";
import { streamRun } from "./stream.ts";

export const COMMANDS: readonly Command[] = [
  status,
  ingest,
  ...networkCommands,
  ...nodeCommands,
  nodeIdentity,
  ...ipsecCommands,
  streamRun,
  revoke,
  revocations,
  alarms,
  audit,
  epochs,
  importCommand,
  password,
  certSign,
];
