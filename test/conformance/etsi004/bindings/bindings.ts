/** Every binding that is served. */
import type { Binding } from "../application.ts";
import { binary } from "./binary.ts";
import { client } from "./client.ts";
import { jsonTcp } from "./json-tcp.ts";
import { moduleActions, moduleActionsAtAgent } from "./module-actions.ts";
import { moduleLiterals, moduleLiteralsAtAgent } from "./module-literals.ts";
import { native } from "./native.ts";
import { websocket } from "./websocket.ts";

export const BINDINGS: readonly Binding[] = [
  native,
  client,
  websocket,
  moduleActions,
  moduleActionsAtAgent,
  moduleLiterals,
  moduleLiteralsAtAgent,
  jsonTcp,
  binary,
];
