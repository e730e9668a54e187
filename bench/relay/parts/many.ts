/** Many that want keys of one pair five hops apart, as fast as they are answered. */
import { progress } from "../../progress.ts";
import type { Many } from "../load/jobs.ts";
import { CHAIN, linksTo, nodeAt } from "../network.ts";
import { CONNECTIONS, type RelayOptions } from "../options.ts";
import type { RelayRig } from "../rig.ts";

const WARM_UP_MS = 1000;
/** More than any machine so far uses up. */
const LINK_BYTES = 8 << 20;

export async function measureMany(rig: RelayRig, { manyMs }: RelayOptions): Promise<Many> {
  const hops = CHAIN.length - 1;
  progress(`${CONNECTIONS} connections, ${hops} hops`);
  await rig.toFullStage();
  await rig.prefill(linksTo(hops), LINK_BYTES);
  await rig.untilReached(nodeAt(hops));
  const timing = { warmUpMs: WARM_UP_MS, measureMs: manyMs };
  return await rig.load.run("many", { ...rig.endsWith(nodeAt(hops)), connections: CONNECTIONS, ...timing });
}
