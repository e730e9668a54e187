/**
 * `npm run bench`: the demo network under load, against a server that does nothing. Absolute figures depend on the
 * machine and its neighbours; the ratios hold.
 */
import { factsOf, runBench } from "./command.ts";
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
import { publish } from "./publish.ts";
import { figuresOf, type Results, sectionOf } from "./report/results.ts";
import { Rig } from "./rig.ts";

async function main(argv: readonly string[]): Promise<void> {
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
  publish({
    section: sectionOf(results, factsOf("bench", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "measured",
  });
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

await runBench(USAGE, main);
