/** The first key of pairs that have never had any: it is relayed while the request waits. Of some, nobody has asked yet. */
import { progress } from "../../progress.ts";
import { CHAIN, type Leaf, LEAF_HOPS, leavesAt, linksTo, nodeAt } from "../network.ts";
import type { RelayOptions } from "../options.ts";
import type { FirstResult } from "../report/measures.ts";
import type { RelayRig } from "../rig.ts";

const LINK_BYTES = 512 * 1024;

export async function measureFirst(rig: RelayRig, { leaves: count }: RelayOptions): Promise<FirstResult[]> {
  await rig.toFullStage();
  const leavesOf = (hops: number): Leaf[] => leavesAt(hops).slice(0, 2 * count);
  const leaves = LEAF_HOPS.flatMap(leavesOf);
  progress(`first keys: waking ${leaves.length} nodes`);
  await rig.prefill([...linksTo(CHAIN.length - 1), ...leaves.map(({ link }) => link)], LINK_BYTES);
  for (const node of [...CHAIN, ...leaves.map((leaf) => leaf.node)]) await rig.wakeNode(node);
  for (const { node } of leaves) await rig.untilReached(node);
  const results: FirstResult[] = [];
  for (const hops of LEAF_HOPS) {
    progress(`first keys, ${hops} hops`);
    const nodes = leavesOf(hops).map(({ node }) => node);
    // Leaves are used, but for keys with n0: a link's first key of all takes longer.
    await rig.load.run("first", { ends: nodes.map((node) => rig.endsWith(node, nodeAt(hops - 1))), wakes: true });
    await rig.untilQuiet();
    const ends = nodes.map((node) => rig.endsWith(node));
    const cold = await rig.load.run("first", { ends: ends.slice(0, count), wakes: true });
    const ever = await rig.load.run("first", { ends: ends.slice(count), wakes: false });
    results.push({ hops, encMs: cold.encMs, everEncMs: ever.encMs });
  }
  return results;
}
