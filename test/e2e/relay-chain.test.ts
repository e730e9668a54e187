/** Keys over the demo's chain, all of whose nodes one deployment hosts. */
import { afterAll, beforeAll } from "vitest";
import { type ChainRig, nodeOfSae } from "../support/chain-rig.ts";
import { ChainClients, testBooks, testKeys, testStatus, testStream, testWishes } from "../support/chain-tests.ts";
import { deployments } from "../support/deployments.ts";
import { demoChain } from "../support/network-document.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
let rig: ChainRig;

beforeAll(async () => {
  network = await runNetwork({ network: demoChain });
  rig = {
    network: deployments([network], nodeOfSae),
    custody: "within-deployment",
    end: async () => {
      await network.stop({ keep: true });
      return network.output();
    },
  };
});
afterAll(() => network.stop());

const clients = new ChainClients(() => rig);
testKeys(clients);
testStatus(clients);
testWishes(clients);
testStream(clients, ["sae-a", "sae-b"], 2);
testBooks(clients);
