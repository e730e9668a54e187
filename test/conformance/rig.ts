/**
 * The demo network under test: for the doctor's cases (A the master at one node, B its slave at the next, others anywhere),
 * and with what those cases need besides, as a pair whose generator stands still.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Given, Party } from "../../cli/doctor/etsi014/stage.ts";
import type { Identity } from "../../cli/doctor/exchange.ts";
import { type Authority, issue, type LeafRequest, loadAuthority } from "../../pki/authority.ts";
import type { NetworkDocumentInput, Policy, SaeEntry } from "../../shared/network/document.ts";
import { pushLink } from "../support/network-document.ts";
import { changeAndWait } from "../support/operator.ts";
import { newStateFolder, runNetwork, type RunningNetwork } from "../support/run-network.ts";
import { KmeClient } from "./kme-client.ts";

/** An SAE of the network, and the node whose KME serves it. */
export type Place = readonly [sae: string, node: string];

export interface Rig {
  /** Base URL of the edge. */
  readonly edge: string;
  readonly A: string;
  readonly B: string;
  /** Of nodes that share no link with A's. */
  readonly C: string;
  /** At B's node. */
  readonly sameSite: string;
  /** At A's node. */
  readonly sameNode: string;
  readonly a: KmeClient;
  readonly b: KmeClient;
  readonly c: KmeClient;
  readonly neighbour: KmeClient;
  /** A pair whose link makes no new material. */
  readonly still: { readonly A: string; readonly B: string; readonly a: KmeClient; readonly b: KmeClient };
  /** A client as this SAE, of any node's KME. */
  client(sae: string, node: string): KmeClient;
  /** Of A and B, the doctor's third and fourth SAE being these. */
  given(third: Place, fourth: Place): Given;
  /** Of the pair that stands still. */
  givenStill(): Given;
  /** Runs `work` under a changed policy, then changes it back. */
  withPolicy<T>(change: Partial<Policy>, work: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** The still one is not the demo's: a leaf, so that nothing is relayed over its link. */
const NODES = { A: "tn-1", B: "tn-2", C: "tn-4", still: "tn-still" } as const;
const NAMES = {
  A: "sae-a",
  B: "sae-c",
  C: "sae-b",
  sameSite: "sae-c2",
  sameNode: "sae-a2",
};
/** It has to be URL-encoded. At B's node. */
const ODD = "sae://odd/ü %41?#..";
const STILL = { A: "still-a", B: "still-b" } as const;
const DAY_MS = 24 * 3600 * 1000;
const KNOWN = ["sae-a", "sae-a2", "sae-b", "sae-c", "sae-c2", STILL.A, STILL.B];
/** Under the policy that the case of it is run with. */
export const LIFETIME_MS = 1000;

const byName = (id: string, node: string, commonName = id): SaeEntry => ({
  id,
  node,
  credentials: [{ type: "certificate", match: "cn", value: commonName }],
});

/** The demo's document with what the cases need besides. */
const extended = (document: NetworkDocumentInput): NetworkDocumentInput => ({
  ...document,
  nodes: [...document.nodes, { id: NODES.still }],
  saes: [...document.saes, byName(ODD, NODES.B, "odd"), byName(STILL.A, NODES.B), byName(STILL.B, NODES.still)],
  links: [...document.links, pushLink("still", NODES.B, NODES.still, { source: "simulated" })],
});

const clientIdentity = async (
  authority: Authority,
  request: Omit<LeafRequest, "usage">,
): Promise<Required<Identity>> => {
  const { certificate, key } = await issue(authority, { ...request, usage: "client" });
  return { cert: certificate, key };
};

/** The running network, over restarts. */
class Deployment {
  readonly #state: string;
  #network: RunningNetwork;

  constructor(network: RunningNetwork) {
    this.#state = network.state;
    this.#network = network;
  }

  kme(node: string): string {
    return this.#network.kme[node] ?? "";
  }

  get edge(): string {
    return this.#network.edge;
  }

  async file(name: string): Promise<string> {
    return await readFile(join(this.#state, "certs", name), "utf8");
  }

  async restart(): Promise<void> {
    await this.#network.stop({ keep: true });
    this.#network = await runNetwork({ state: this.#state });
  }

  async stop(): Promise<void> {
    await this.#network.stop({ keep: true });
    await rm(this.#state, { recursive: true, force: true });
  }

  /** Changes members of the policy; answers what they were. */
  async changePolicy(change: Partial<Policy>): Promise<Partial<Policy>> {
    let before: Partial<Policy> = {};
    await changeAndWait(this.#network, ({ policy, ...document }) => {
      before = Object.fromEntries((Object.keys(change) as (keyof Policy)[]).map((name) => [name, policy[name]]));
      return { ...document, policy: { ...policy, ...change } };
    });
    return before;
  }
}

export async function startRig(): Promise<Rig> {
  const deployment = new Deployment(await runNetwork({ state: newStateFolder(), network: extended }));
  const ca = await deployment.file("ca.crt");
  const authority = await loadAuthority(ca, await deployment.file("ca.key"));
  const identities = new Map<string, Required<Identity>>();
  for (const name of KNOWN) {
    identities.set(name, { cert: await deployment.file(`${name}.crt`), key: await deployment.file(`${name}.key`) });
  }
  const identity = (sae: string): Required<Identity> => identities.get(sae) ?? expect.unreachable(sae);
  const client = (sae: string, node: string) => new KmeClient(() => deployment.kme(node), ca, identity(sae));
  const party = ([sae, node]: Place): Party => ({
    sae,
    identity: identity(sae),
    get kme() {
      return deployment.kme(node);
    },
  });
  const expired = new Date(Date.now() - DAY_MS);
  const besides = {
    ca,
    unregistered: await clientIdentity(authority, { commonName: "sae-nobody-knows" }),
    expired: await clientIdentity(authority, {
      commonName: NAMES.A,
      notBefore: new Date(expired.getTime() - DAY_MS),
      notAfter: expired,
    }),
    oddSae: ODD,
    unmet: [{ qkdedge_route_type: "direct", qkdedge_disjoint_paths: 2 }],
    restart: async () => await deployment.restart(),
    lifetimeMs: LIFETIME_MS,
    waitMs: 60_000,
    syncMs: 0,
  };
  return {
    ...NAMES,
    edge: deployment.edge,
    a: client(NAMES.A, NODES.A),
    b: client(NAMES.B, NODES.B),
    c: client(NAMES.C, NODES.C),
    neighbour: client(NAMES.sameSite, NODES.B),
    still: { ...STILL, a: client(STILL.A, NODES.B), b: client(STILL.B, NODES.still) },
    client,
    given: (third, fourth) => ({
      ...besides,
      A: party([NAMES.A, NODES.A]),
      B: party([NAMES.B, NODES.B]),
      C: party(third),
      D: party(fourth),
      mayDrain: false,
      isPaused: false,
    }),
    givenStill: () => ({
      ...besides,
      A: party([STILL.A, NODES.B]),
      B: party([STILL.B, NODES.still]),
      C: party([NAMES.sameSite, NODES.B]),
      D: party([NAMES.C, NODES.C]),
      mayDrain: true,
      isPaused: true,
    }),
    withPolicy: async (change, work) => {
      const before = await deployment.changePolicy(change);
      try {
        return await work();
      } finally {
        await deployment.changePolicy(before);
      }
    },
    stop: async () => await deployment.stop(),
  };
}
