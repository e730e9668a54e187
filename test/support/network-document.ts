/** Pieces of network documents for tests; pure, so that tests of every runtime can use them. */
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

type Link = NetworkDocumentInput["links"][number];
type Node = NetworkDocumentInput["nodes"][number];
type Sae = NetworkDocumentInput["saes"][number];

/** A one-ended link that lives on what is pushed. */
export const pushLink = (id: string, a: string, b: string, more: Partial<Link> = {}): Link => ({
  id,
  nodes: [a, b],
  source: "push",
  feed: "one-ended",
  health: "reject",
  key_rate_bps: 0,
  shards: 1,
  ...more,
});

/** An SAE that nobody can be. */
export const saeAt = (id: string, node: string): Sae => ({ id, node, credentials: [] });

/** A node that another deployment hosts, by keys that are none. */
export const remoteNode = (id: string, more: Partial<NonNullable<Node["remote"]>> = {}): Node => ({
  id,
  remote: {
    url: `https://${id}.example`,
    ed25519: `${"A".repeat(43)}=`,
    ml_dsa_65: `${"A".repeat(2603)}=`,
    saes: [],
    ...more,
  },
});

/** Two nodes with a link of two shards, two SAEs on the first, drains that end at once. */
export const twoNodes = (more: Partial<NetworkDocumentInput> = {}): NetworkDocumentInput => ({
  nodes: [{ id: "tn-1" }, { id: "tn-2" }],
  links: [pushLink("l-12", "tn-1", "tn-2", { shards: 2 })],
  saes: [saeAt("a", "tn-1"), saeAt("b", "tn-1")],
  operators: [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }],
  policy: { drain_s: 0 },
  ...more,
});

/** The demo with links that live on what is pushed; `more`: changes of links by their id. */
export const pushedDemo =
  (more: Readonly<Record<string, Partial<Link>>> = {}) =>
  (demo: NetworkDocumentInput): NetworkDocumentInput => ({
    ...demo,
    links: demo.links.map((link) => ({ ...link, source: "push", key_rate_bps: 0, ...more[link.id] })),
  });

/** The demo's chain alone: nothing leads around any of its links. */
export const demoChain = (demo: NetworkDocumentInput): NetworkDocumentInput => ({
  ...demo,
  nodes: demo.nodes.filter(({ id }) => id !== "tn-5"),
  links: demo.links.filter(({ nodes }) => !nodes.includes("tn-5")),
});
