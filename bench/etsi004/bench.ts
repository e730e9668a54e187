/**
 * `npm run bench:004`: key streams beside objects that do nothing, in one run, and the speed of the simulation of BB84.
 * Absolute figures depend on the machine and its neighbours; the ratios hold.
 */
import { factsOf, runBench } from "../command.ts";
import { progress } from "../progress.ts";
import { publish } from "../publish.ts";
import { parseOptions, type Part, PARTS, type StreamOptions, USAGE } from "./options.ts";
import { measureBinary } from "./parts/binary.ts";
import { measureGetKey } from "./parts/get-key.ts";
import { measureOpens } from "./parts/opens.ts";
import { measureSampling } from "./parts/sampling.ts";
import { measurePostprocessing, POSTPROCESS_OPTIONS } from "./postprocess.ts";
import { figuresOf } from "./report/figures.ts";
import type { StreamResults } from "./report/measures.ts";
import { sectionOf } from "./report/section.ts";
import { StreamRig } from "./rig.ts";

const AT_THE_EDGE: readonly Part[] = ["get-key", "open", "binary"];

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  const results: StreamResults = {};
  if (options.parts.some((part) => AT_THE_EDGE.includes(part))) await atTheEdge(options, results);
  if (options.parts.includes("bb84")) results.sampling = measureSampling(options);
  if (options.parts.includes("postprocess")) {
    progress("BB84: post-processing");
    const run = { ...POSTPROCESS_OPTIONS, blocks: options.blocks };
    results.postprocess = { options: run, measured: await measurePostprocessing(run) };
  }
  publish({
    section: sectionOf(results, factsOf("bench:004", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "etsi004",
  });
}

async function atTheEdge(options: StreamOptions, results: StreamResults): Promise<void> {
  progress("starting the edge");
  const rig = await StreamRig.start();
  const wants = (part: Part): boolean => options.parts.includes(part);
  try {
    if (wants("get-key")) results.getKey = await measureGetKey(rig, options);
    if (wants("open")) results.opens = await measureOpens(rig, options);
    if (wants("binary")) results.binary = await measureBinary(rig, options);
  } finally {
    await rig.stop();
  }
}

await runBench(USAGE, main);
