/**
 * `npm run bench:hybrid`: keys of QKD and KEMs between the agents of two sites, the KEMs themselves, and whether anybody
 * else waits for them.
 */
import { factsOf, runBench } from "../command.ts";
import { progress } from "../progress.ts";
import { publish } from "../publish.ts";
import { type HybridOptions, parseOptions, type Part, PARTS, USAGE } from "./options.ts";
import { measureKems } from "./parts/kems.ts";
import { measureRounds } from "./parts/rounds.ts";
import { measureStalls } from "./parts/stalls.ts";
import { figuresOf } from "./report/figures.ts";
import type { HybridResults } from "./report/measures.ts";
import { sectionOf } from "./report/section.ts";
import { HybridRig, startLoad } from "./rig.ts";

const AT_LENGTH: readonly Part[] = ["get-key", "sessions"];

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  const results: HybridResults = {};
  if (options.parts.includes("kems")) await alone(options, results);
  if (options.parts.some((part) => AT_LENGTH.includes(part))) await atLength(options, results);
  if (options.parts.includes("stalls"))
    await withRig(async (rig) => (results.stalls = await measureStalls(rig, options)));
  publish({
    section: sectionOf(results, factsOf("bench:hybrid", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "hybrid",
  });
}

async function alone(options: HybridOptions, results: HybridResults): Promise<void> {
  const load = startLoad();
  try {
    results.kems = await measureKems(load, options);
  } finally {
    await load.stop();
  }
}

async function atLength(options: HybridOptions, results: HybridResults): Promise<void> {
  await withRig(async (rig) => {
    if (options.parts.includes("get-key")) results.getKey = await measureRounds(rig, "get-key", options);
    if (options.parts.includes("sessions")) results.sessions = await measureRounds(rig, "sessions", options);
  });
}

/** What load has left behind is collected for tens of milliseconds: stalls are looked at in a rig of their own. */
async function withRig(work: (rig: HybridRig) => Promise<unknown>): Promise<void> {
  progress("starting an edge and two agents");
  const rig = await HybridRig.start();
  try {
    await work(rig);
  } finally {
    await rig.stop();
  }
}

await runBench(USAGE, main);
