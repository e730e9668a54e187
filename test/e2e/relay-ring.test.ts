/** A ring of five nodes, all of which one deployment hosts. */
import { deployments } from "../support/deployments.ts";
import { changeNetwork } from "../support/operator.ts";
import { KEY_RATE_BPS, linkOf, nodeOfSae, PREFILL, relayNetwork } from "../support/relay-network.ts";
import { RING_CUT, RING_LINKS, RING_NODES, RING_POLICY, testRing } from "../support/ring-tests.ts";
import { runNetwork } from "../support/run-network.ts";

testRing(async () => {
  const network = await runNetwork({ network: relayNetwork(RING_NODES, RING_LINKS, RING_POLICY), args: PREFILL });
  const cut = linkOf(RING_CUT);
  return {
    network: deployments([network], nodeOfSae),
    feed: async (isFed) =>
      await changeNetwork(network, (document) => ({
        ...document,
        links: document.links.map((link) =>
          link.id === cut ? { ...link, key_rate_bps: isFed ? KEY_RATE_BPS : 0 } : link,
        ),
      })),
    mostRefused: 0,
    keysEach: 20,
    end: async () => await network.stop(),
  };
});
