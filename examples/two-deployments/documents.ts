/** The network documents of the two deployments: the demo's chain tn-1 - tn-2 - tn-3 - tn-4, cut in the middle. */
import { demoNetwork, type Tokens } from "../../scripts/demo/network.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

type Link = NetworkDocumentInput["links"][number];
export type NodeEntry = NetworkDocumentInput["nodes"][number];

export const HOSTED = { one: ["tn-1", "tn-2"], two: ["tn-3", "tn-4"] } as const;
export type Deployment = keyof typeof HOSTED;

/** Its devices are at both ends, so each deployment has the end of its own node. */
export const SPANNING: Link = {
  id: "tn-2-tn-3",
  nodes: ["tn-2", "tn-3"],
  source: "push",
  feed: "one-ended",
  health: "reject",
  key_rate_bps: 0,
};

/** What a deployment begins with: its own nodes, their SAEs, and the link between them. */
export function ownNetwork(deployment: Deployment, tokens: Tokens): NetworkDocumentInput {
  const demo = demoNetwork(tokens);
  const here = new Set<string>(HOSTED[deployment]);
  return {
    ...demo,
    name: `deployment ${deployment}`,
    nodes: demo.nodes.filter(({ id }) => here.has(id)),
    links: demo.links.filter(({ nodes }) => nodes.every((node) => here.has(node))),
    saes: demo.saes.filter(({ node }) => here.has(node)),
    agents: [],
    // Each deployment has users of its own.
    kms_clients: [],
    kms_users: [],
  };
}

/** SAEs by node: what its operator lets the other deployment know of them. */
export function saesOf(document: Pick<NetworkDocumentInput, "saes">, node: string): readonly string[] {
  return document.saes.filter((sae) => sae.node === node).map(({ id }) => id);
}

/** The same with the other deployment's nodes, and the link to them. */
export const introduced = (own: NetworkDocumentInput, others: readonly NodeEntry[]): NetworkDocumentInput => ({
  ...own,
  nodes: [...own.nodes, ...others],
  links: [...own.links, SPANNING],
});
