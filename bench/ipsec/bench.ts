/** `npm run bench:ipsec`: SAs with hybrid keys, from a controller's POST to two real NETCONF servers. */
import { netconfdMissing } from "../../test/support/netconf.ts";
import { factsOf, runBench } from "../command.ts";
import { progress } from "../progress.ts";
import { publish } from "../publish.ts";
import { parseOptions, PARTS, USAGE } from "./options.ts";
import { measureHundred, measureOne } from "./parts/sas.ts";
import { figuresOf } from "./report/figures.ts";
import type { IpsecResults } from "./report/measures.ts";
import { sectionOf } from "./report/section.ts";
import { IpsecRig } from "./rig.ts";

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  const missing = netconfdMissing(options.modules ?? undefined);
  if (missing !== null) throw new Error(`no IPsec hosts: ${missing}`);
  const results: IpsecResults = {};
  progress("starting an edge, two agents and two NETCONF servers");
  const rig = await IpsecRig.start(options.modules);
  try {
    if (options.parts.includes("one")) results.one = await measureOne(rig, options);
    if (options.parts.includes("hundred")) results.hundred = await measureHundred(rig, options);
  } finally {
    await rig.stop();
  }
  publish({
    section: sectionOf(results, factsOf("bench:ipsec", argv)),
    figures: figuresOf(results),
    json: options.json,
    mark: options.quick || options.parts.length < PARTS.length ? null : "ipsec",
  });
}

await runBench(USAGE, main);
