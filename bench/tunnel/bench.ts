/**
 * `npm run bench:tunnel`: the reverse tunnel across two sites, beside `ssh -R` and the device itself, in one run.
 * Absolute figures depend on the machine and its neighbours; the ratios hold.
 */
import { factsOf, runBench } from "../command.ts";
import { publish } from "../publish.ts";
import { parseOptions, PARTS, type TunnelOptions, USAGE } from "./options.ts";
import { measureMemory } from "./parts/memory.ts";
import { measureRounds } from "./parts/rounds.ts";
import { figuresOf, type TunnelResults } from "./report/figures.ts";
import { sectionOf } from "./report/section.ts";
import { startRig } from "./rig.ts";

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  const results: TunnelResults = {};
  if (options.parts.includes("rounds")) await inRounds(options, results);
  if (options.parts.includes("memory")) results.memory = await measureMemory(options);
  publish({
    section: sectionOf(results, factsOf("bench:tunnel", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "tunnel",
  });
}

async function inRounds(options: TunnelOptions, results: TunnelResults): Promise<void> {
  const rig = await startRig();
  try {
    results.missing = rig.missing;
    results.rounds = await measureRounds(rig, options);
  } finally {
    await rig.stop();
  }
}

await runBench(USAGE, main);
