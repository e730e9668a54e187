/** Every command, in the order of the help. */
import type { Command } from "../lib/command.ts";
import { alarmCommands } from "./alarms.ts";
import { auditCommands } from "./audit.ts";
import { bench } from "./bench.ts";
import { certCommands } from "./cert.ts";
import { completionOf } from "./completion.ts";
import { doctor } from "./doctor.ts";
import { doctor004 } from "./doctor-004.ts";
import { doctorClient } from "./doctor-client.ts";
import { epochs } from "./epochs.ts";
import { importCommand } from "./import.ts";
import { ingest } from "./ingest.ts";
import { ipsecCommands } from "./ipsec.ts";
import { keyCommands } from "./keys.ts";
import { networkCommands } from "./network.ts";
import { nodeIdentity } from "./node.ts";
import { nodeCommands } from "./nodes.ts";
import { password } from "./password.ts";
import { revocations, revoke } from "./revoke.ts";
import { status } from "./status.ts";
import { streamRun } from "./stream.ts";
import { tokenCommands } from "./token.ts";
import { viewCommands } from "./views.ts";

export const COMMANDS: readonly Command[] = [
  status,
  ...viewCommands,
  ingest,
  ...keyCommands,
  ...networkCommands,
  ...nodeCommands,
  nodeIdentity,
  ...ipsecCommands,
  streamRun,
  ...tokenCommands,
  revoke,
  revocations,
  ...alarmCommands,
  ...auditCommands,
  epochs,
  doctor,
  doctor004,
  doctorClient,
  importCommand,
  password,
  ...certCommands,
  bench,
  completionOf(() => COMMANDS),
];
