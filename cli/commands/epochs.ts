/** `qkd epochs`: the keys that protect material at rest, and when the old ones go. */
import { setTimeout as sleep } from "node:timers/promises";
import type * as v from "valibot";
import { EpochSchema, EpochsSchema } from "../../shared/api/schemas.ts";
import { expectShape } from "../lib/answers.ts";
import type { Api } from "../lib/api.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { progressReporter, THINGS } from "../lib/progress.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { plural } from "../lib/text.ts";

type Epochs = v.InferOutput<typeof EpochsSchema>;

const LOOK_AGAIN_MS = 250;
const DEFAULT_PATIENCE_S = 600;
const MAX_PATIENCE_S = 24 * 3600;

export const epochs: Command = {
  name: "epochs",
  summary: "show the epochs of the keys at rest, or begin the next one: epochs roll",
  positional: { name: "[roll]", min: 0, max: 1, choices: ["roll"] },
  options: {
    wait: { type: "boolean", help: "roll: until nothing is left that the keys before could open" },
    patience: { type: "string", value: "<s>", help: `wait at most so long (default ${DEFAULT_PATIENCE_S})` },
    ...COMMON_OPTIONS,
  },
  notes: [
    "Each epoch has a key of its own; the policy's epoch_s says how long one lasts. Once the pools have come along to the",
    "next, the key before is destroyed, and with it whatever copies of the storage hold from before.",
    "",
    "Example: npm run qkd -- epochs roll --wait",
  ],
  async run(context) {
    const [verb] = context.args.positionals;
    if (verb !== undefined && verb !== "roll")
      throw new CliFailure(`epochs takes "roll" or nothing, not "${verb}".${didYouMean(verb, ["roll"])}`);
    return verb === "roll" ? await roll(context) : await show(context);
  },
};

async function readEpochs(api: Api): Promise<Epochs> {
  return expectShape(EpochsSchema, (await api.get("/api/v1/epochs")).json);
}

async function show({ args, terminal, api }: CommandContext): Promise<ExitCode> {
  const state = await readEpochs(api());
  if (args.flag("json")) terminal.line(JSON.stringify(state));
  else for (const line of describe(state)) terminal.line(line);
  return EXIT.ok;
}

async function roll({ args, terminal, api }: CommandContext): Promise<ExitCode> {
  const patienceMs = (args.wholeNumber("patience", 1, MAX_PATIENCE_S) ?? DEFAULT_PATIENCE_S) * 1000;
  const answer = await api().call({ method: "POST", path: "/api/v1/epochs/roll" });
  const { epoch } = expectShape(EpochSchema, answer.json);
  if (!args.flag("wait")) {
    terminal.line(args.flag("json") ? JSON.stringify({ epoch }) : `epoch ${epoch} has begun`);
    return EXIT.ok;
  }
  const untilMs = performance.now() + patienceMs;
  let tell: ReturnType<typeof progressReporter> | undefined;
  let total = 0;
  for (;;) {
    const state = await readEpochs(api());
    // Those that lag at first are all that have to come along; some may come to lag later.
    if (state.lagging_pools > total) {
      total = state.lagging_pools;
      tell = progressReporter(terminal, { label: "pools", total, measure: THINGS });
    }
    tell?.(total - state.lagging_pools);
    if (hasCome(state, epoch)) {
      if (args.flag("json")) terminal.line(JSON.stringify(state));
      else for (const line of describe(state)) terminal.line(line);
      return EXIT.ok;
    }
    if (performance.now() > untilMs) {
      throw new CliFailure(
        `epoch ${epoch} has begun, but ${plural(state.lagging_pools, "pool")} lagged after ${patienceMs / 1000} s`,
        "`qkd epochs` tells which; `qkd audit` tells of those that are stuck",
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Is nothing left for the keys of epochs before this one? */
const hasCome = (state: Epochs, epoch: number): boolean =>
  state.epoch >= epoch &&
  state.lagging_pools === 0 &&
  state.keys.every((key) => key >= epoch || (state.kept_in === "secrets" && state.removable.includes(key)));

export function describe(state: Epochs): string[] {
  const older = state.keys.filter((key) => key < state.epoch && !state.removable.includes(key));
  const lines = [
    `epoch ${state.epoch}, since ${state.since}, until ${state.until}; keys kept in ${KEPT[state.kept_in]}`,
  ];
  if (state.overdue) {
    const what = state.kept_in === "secrets" ? `: set ${secrets([state.epoch + 1])} to begin the next` : "";
    lines.push(`  overdue${what}`);
  }
  if (!state.keys.includes(state.epoch)) {
    lines.push(`  THE KEY OF ${state.epoch} IS GONE: no material can be taken in, and what it protected is lost`);
  }
  if (older.length > 0) lines.push(`  still needed: the key${older.length === 1 ? "" : "s"} of ${older.join(", ")}`);
  if (state.lagging_pools > 0) {
    const more = state.lagging_pools > state.first_lagging.length ? " ..." : "";
    lines.push(`  lagging: ${plural(state.lagging_pools, "pool")}: ${state.first_lagging.join(" ")}${more}`);
  }
  if (state.removable.length > 0 && state.kept_in === "secrets") {
    lines.push(`  needed no more, to be removed: ${secrets(state.removable)}`);
  }
  return lines;
}

const secrets = (keys: readonly number[]): string => keys.map((key) => `QKD_EPOCH_KEY_${key}`).join(", ");

const KEPT: Readonly<Record<Epochs["kept_in"], string>> = { folder: "the state folder", secrets: "secrets" };
