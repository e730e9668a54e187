/** What is run over which binding: the cases of part 7, and those of its own octets. */
import type { Case, Findings, Outcome } from "../case.ts";
import { runCases } from "../runner.ts";
import type { Binding } from "./application.ts";
import { binary } from "./bindings/binary.ts";
import { client } from "./bindings/client.ts";
import { jsonTcp } from "./bindings/json-tcp.ts";
import { moduleActions } from "./bindings/module-actions.ts";
import { moduleLiterals } from "./bindings/module-literals.ts";
import { native } from "./bindings/native.ts";
import { websocket } from "./bindings/websocket.ts";
import { BINARY_CASES } from "./cases/binary.ts";
import { CASES } from "./cases/cases.ts";
import { JSON_TCP_CASES } from "./cases/json-tcp.ts";
import { OPEN_QKD_NETWORK_CASES } from "./cases/open-qkd-network.ts";
import { MODULE_CASES } from "./cases/qkd-module.ts";
import { Stage004, type Target, WireStage } from "./stage.ts";

interface Suite {
  /** Null: its cases are of no stream. */
  readonly binding: Binding | null;
  /** How it is reached. */
  readonly over: "http" | "tcp";
  readonly cases: readonly Case[];
  stage(target: Target): WireStage;
}

const ofBinding = (binding: Binding, over: Suite["over"], own: readonly Case<WireStage>[] = []) => ({
  binding,
  over,
  cases: [...CASES, ...own],
  stage: (target: Target) => new Stage004(binding, target),
});

export const SUITES = {
  native: ofBinding(native, "http"),
  client: ofBinding(client, "http"),
  websocket: ofBinding(websocket, "http"),
  "qkd-module": ofBinding(moduleActions, "http", MODULE_CASES),
  "qkd-module-0.9": ofBinding(moduleLiterals, "http"),
  "json-tcp": ofBinding(jsonTcp, "tcp", JSON_TCP_CASES),
  binary: ofBinding(binary, "tcp", BINARY_CASES),
  "open-qkd-network": {
    binding: null,
    over: "http",
    cases: OPEN_QKD_NETWORK_CASES,
    stage: (target: Target) => new WireStage(target),
  },
} as const satisfies Readonly<Record<string, Suite>>;
export type SuiteName = keyof typeof SUITES;

/** Those that the cases of part 7 know. */
export const BINDINGS: readonly Binding[] = Object.values(SUITES).flatMap(({ binding }) => binding ?? []);

export const casesOf = (name: SuiteName): readonly Case[] => SUITES[name].cases;

export const isSuiteName = (name: string): name is SuiteName => Object.hasOwn(SUITES, name);

/** @param only which cases; `done` hears of each as it ends. Never rejects */
export async function runSuite(
  name: SuiteName,
  target: Target,
  only: (id: string) => boolean = () => true,
  done?: (outcome: Outcome) => void,
): Promise<Findings> {
  const cases = casesOf(name).filter(({ id }) => only(id));
  const at = new Date().toISOString();
  const outcomes = await runCases(cases, SUITES[name].stage(target), done);
  const targets = [target.a, target.b].map(({ access }) => access.at);
  return { suite: `ETSI GS QKD 004 V2.1.1, ${name}`, targets, at, outcomes };
}
