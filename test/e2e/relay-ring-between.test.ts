/** A ring of five nodes, cut by a border: two deployments host them, and the link that fails leads across it. */
import { linkOf } from "../support/relay-network.ts";
import { RING_CUT, RING_LINKS, RING_POLICY, testRing } from "../support/ring-tests.ts";
import { SplitNetwork } from "../support/split-network.ts";

const HOSTED = [
  ["n1", "n4", "n5"],
  ["n2", "n3"],
];

testRing(async () => {
  const split = await SplitNetwork.run(HOSTED, RING_LINKS, RING_POLICY);
  return {
    network: split.network,
    feed: async (isFed) => await Promise.resolve(split.feed(linkOf(RING_CUT), isFed)),
    mostRefused: 0.02,
    keysEach: 10,
    end: async () => await split.stop(),
  };
});
