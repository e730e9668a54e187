/**
 * `npm run bench:relay`: keys between nodes that have no link, beside those of two that have one; what relays cost in time
 * and in bits of the links.
 */
import { factsOf, runBench } from "../command.ts";
import { progress } from "../progress.ts";
import { publish } from "../publish.ts";
import { parseOptions, type Part, PARTS, USAGE } from "./options.ts";
import { measureFills, measureSingle } from "./parts/fills.ts";
import { measureFirst } from "./parts/first.ts";
import { measureMany } from "./parts/many.ts";
import { measureRates } from "./parts/rates.ts";
import { figuresOf } from "./report/figures.ts";
import type { RelayResults } from "./report/measures.ts";
import { sectionOf } from "./report/section.ts";
import { RelayRig } from "./rig.ts";

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  const wants = (part: Part): boolean => options.parts.includes(part);
  const results: RelayResults = {};
  progress("starting the edge");
  const rig = await RelayRig.start();
  try {
    if (wants("rates")) results.rates = await measureRates(rig, options);
    if (wants("cold")) results.first = await measureFirst(rig, options);
    if (wants("many")) results.many = await measureMany(rig, options);
    if (wants("fill")) results.fills = await measureFills(rig, options);
    if (wants("single")) results.single = await measureSingle(rig, options);
  } finally {
    await rig.stop();
  }
  publish({
    section: sectionOf(results, factsOf("bench:relay", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "relay",
  });
}

await runBench(USAGE, main);
