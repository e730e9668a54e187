/**
 * `npm run bench`: the demo network under load, against a server that does nothing. Absolute figures depend on the
 * machine and its neighbours; the ratios hold.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type as osType } from "node:os";
import { join } from "node:path";
import { measureCost } from "./cost/measure.ts";
import { startMeteredEdge } from "./cost/metered-edge.ts";
import {
  type BenchOptions,
  costPlanOf,
  memoryPlanOf,
  parseOptions,
  type Part,
  PARTS,
  pendingPlanOf,
  USAGE,
} from "./options.ts";
import { measureFlatMemory } from "./parts/flat-memory.ts";
import { measurePending } from "./parts/pending.ts";
import { measureRoundTrips } from "./parts/round-trips.ts";
import { progress } from "./progress.ts";
import { figuresOf, replaceMeasured, type Results, sectionOf } from "./report/results.ts";
import { Rig } from "./rig.ts";

const RESULTS = join(import.meta.dirname, "results.md");

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const results: Results = {};
  if (options.parts.some((part) => part !== "cost")) await underLoad(options, results);
  if (options.parts.includes("cost")) {
    progress("counting rows and requests");
    const edge = await startMeteredEdge();
    try {
      results.cost = await measureCost(edge, costPlanOf(options));
    } finally {
      await edge.stop();
    }
  }
  publish(options, argv, results);
  return 0;
}

async function underLoad(options: BenchOptions, results: Results): Promise<void> {
  progress("starting the demo network");
  const rig = await Rig.start();
  const wants = (part: Part): boolean => options.parts.includes(part);
  try {
    if (wants("round-trips")) results.scenarios = await measureRoundTrips(rig, options);
    if (wants("memory")) results.memory = await measureFlatMemory(rig, memoryPlanOf(options));
    if (wants("pending")) results.pending = await measurePending(rig, pendingPlanOf(options));
  } finally {
    await rig.stop();
  }
}

function publish(options: BenchOptions, argv: readonly string[], results: Results): void {
  const figures = figuresOf(results);
  const command = ["npm run bench", ...(argv.length === 0 ? [] : ["--", ...argv])].join(" ");
  const date = new Date().toISOString().slice(0, 10);
  const section = sectionOf(results, { command, machine: machine(), date });
  console.log(`\n${section}\n`);
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  if (options.quick || options.parts.length < PARTS.length) return;
  writeFileSync(RESULTS, replaceMeasured(readFileSync(RESULTS, "utf8"), section));
  console.log(`\nwritten to ${RESULTS}`);
}

function machine(): string {
  const cores = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cores.length} cores (${cores[0]?.model.trim() ?? "unknown"}), ${memory}, ${osType()} ${release().split("-")[0]}, Node ${process.versions.node}`;
}

const argv = process.argv.slice(2);
if (argv.includes("--help") || argv.includes("-h")) console.log(USAGE);
else {
  try {
    process.exitCode = await main(argv);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
