/**
 * The demo network under test, and the parties of the conformance list: A the master at one node, B its slave at the
 * next, C a third SAE elsewhere; a neighbour of B, a second SAE at A's own node, and a pair whose generator stands still.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Authority, createAuthority, issue, type LeafRequest, loadAuthority } from "../../pki/authority.ts";
import type { NetworkDocument, NetworkDocumentInput, Policy, SaeEntry } from "../../shared/network/document.ts";
import { newStateFolder, runNetwork, type RunningNetwork } from "../support/run-network.ts";
import { type Identity, KmeClient } from "./kme-client.ts";

export interface Rig {
  readonly kme1: string;
  readonly kme2: string;
  /** Base URL of the edge. */
  readonly edge: string;
  /** PEM of the authority that signs everybody's certificates. */
  readonly ca: string;
  readonly A: string;
  readonly B: string;
  readonly C: string;
  /** At B's node. */
  readonly sameSite: string;
  /** At A's node. */
  readonly sameNode: string;
  /** An SAE ID that needs URL-encoding, at B's node. */
  readonly odd: string;
  readonly a: KmeClient;
  readonly b: KmeClient;
  readonly c: KmeClient;
  readonly neighbour: KmeClient;
  readonly a2: KmeClient;
  /** A pair whose link makes no new material. */
  readonly still: { readonly A: string; readonly B: string; readonly a: KmeClient; readonly b: KmeClient };
  identity(sae: string): Identity;
  /** A certificate of the right authority. */
  issue(commonName: string, more?: Pick<LeafRequest, "notBefore" | "notAfter">): Promise<Required<Identity>>;
  /** A certificate of an authority nobody trusts. */
  foreign(commonName: string): Promise<Required<Identity>>;
  /** Runs `work` under a changed policy, then changes it back. */
  withPolicy<T>(change: Partial<Policy>, work: () => Promise<T>): Promise<T>;
  /** Ends every process of the network and starts it again on the same state. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const NODES = { A: "tn-1", B: "tn-2", C: "tn-4", still: "tn-3" } as const;
const NAMES = {
  A: "sae-a",
  B: "sae-c",
  C: "sae-b",
  sameSite: "sae-c2",
  sameNode: "sae-a2",
  odd: "sae://odd/ü %41?#..",
};
const STILL = { A: "still-a", B: "still-b" } as const;
/** Workers' copies of the network live up to a second. */
const SNAPSHOT_MS = 1100;

const byName = (id: string, node: string, commonName = id): SaeEntry => ({
  id,
  node,
  credentials: [{ type: "certificate", match: "cn", value: commonName }],
});

/** The demo's document with what the cases need besides. */
const extended = (document: NetworkDocumentInput): NetworkDocumentInput => ({
  ...document,
  saes: [...document.saes, byName(NAMES.odd, NODES.B, "odd"), byName(STILL.A, NODES.B), byName(STILL.B, NODES.still)],
  links: document.links.map((link) =>
    link.nodes.includes(NODES.B) && link.nodes.includes(NODES.still) ? { ...link, key_rate_bps: 0 } : link,
  ),
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
    const current = await this.#network.fetch("/api/v1/network", "operator");
    const document = (await current.json()) as NetworkDocument;
    const { policy } = document;
    const put = await this.#network.fetch("/api/v1/network", "operator", {
      method: "PUT",
      headers: { "If-Match": current.headers.get("ETag") ?? "" },
      body: JSON.stringify({ ...document, policy: { ...policy, ...change } }),
    });
    if (put.status !== 200) throw new Error(`the network was refused: ${put.status} ${await put.text()}`);
    await sleep(SNAPSHOT_MS);
    return Object.fromEntries((Object.keys(change) as (keyof Policy)[]).map((name) => [name, policy[name]]));
  }
}

export async function startRig(): Promise<Rig> {
  const deployment = new Deployment(await runNetwork({ state: newStateFolder(), network: extended }));
  const ca = await deployment.file("ca.crt");
  const authority = await loadAuthority(ca, await deployment.file("ca.key"));
  const nobodys = await createAuthority("an authority nobody trusts");
  const known = ["sae-a", "sae-a2", "sae-b", "sae-c", "sae-c2", STILL.A, STILL.B];
  const identities = new Map<string, Identity>();
  for (const name of known) {
    identities.set(name, { cert: await deployment.file(`${name}.crt`), key: await deployment.file(`${name}.key`) });
  }
  const identity = (sae: string): Identity => identities.get(sae) ?? {};
  const client = (sae: string, node: string) => new KmeClient(() => deployment.kme(node), ca, identity(sae));
  return {
    ...NAMES,
    kme1: deployment.kme(NODES.A),
    kme2: deployment.kme(NODES.B),
    edge: deployment.edge,
    ca,
    a: client(NAMES.A, NODES.A),
    b: client(NAMES.B, NODES.B),
    c: client(NAMES.C, NODES.C),
    neighbour: client(NAMES.sameSite, NODES.B),
    a2: client(NAMES.sameNode, NODES.A),
    still: { ...STILL, a: client(STILL.A, NODES.B), b: client(STILL.B, NODES.still) },
    identity,
    issue: async (commonName, more = {}) => await clientIdentity(authority, { commonName, ...more }),
    foreign: async (commonName) => await clientIdentity(nobodys, { commonName }),
    withPolicy: async (change, work) => {
      const before = await deployment.changePolicy(change);
      try {
        return await work();
      } finally {
        await deployment.changePolicy(before);
      }
    },
    restart: async () => await deployment.restart(),
    stop: async () => await deployment.stop(),
  };
}
