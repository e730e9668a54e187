/** Networks of simulated links for end-to-end tests of relay: an SAE at each node, and links cut and healed. */
import type { NetworkDocument, NetworkDocumentInput } from "../../shared/network/document.ts";
import { changeNetwork, type Reached } from "./operator.ts";

export type NodePair = readonly [string, string];

export const saeOf = (node: string): string => `sae-${node}`;
export const nodeOfSae = (sae: string): string => sae.replace(/^sae-/, "");
export const linkOf = ([a, b]: NodePair): string => `${a}-${b}`;

/** Links are full soon: making and testing key for many of them is work. */
export const KEY_RATE_BPS = 500_000;
const POOL = { capacity_bytes: 4 * 1024 * 1024, high_bytes: 256 * 1024, low_bytes: 16 * 1024 };
export const PREFILL = ["--prefill", "0.25"];

export const simulatedLinks = (links: readonly NodePair[]): NetworkDocumentInput["links"] =>
  links.map((pair) => ({
    id: linkOf(pair),
    nodes: [...pair],
    source: "simulated",
    feed: "one-ended",
    health: "reject",
    key_rate_bps: KEY_RATE_BPS,
  }));

/** In place of the demo's, whose operator stays. */
export const relayNetwork =
  (nodes: readonly string[], links: readonly NodePair[], policy: NetworkDocumentInput["policy"] = {}) =>
  (demo: NetworkDocumentInput): NetworkDocumentInput => ({
    name: "relay",
    nodes: nodes.map((id) => ({ id })),
    links: simulatedLinks(links),
    saes: nodes.map((node) => ({
      id: saeOf(node),
      node,
      credentials: [{ type: "certificate", match: "cn", value: saeOf(node) }],
    })),
    operators: demo.operators,
    policy: { ...policy, pool: POOL },
  });

type Link = NetworkDocument["links"][number];

/** Takes a link out of the document. @returns it, to be put back */
export async function cutLink(network: Reached, link: string): Promise<Link> {
  let cut: Link | undefined;
  await changeNetwork(network, (document) => {
    cut = document.links.find(({ id }) => id === link);
    return { ...document, links: document.links.filter(({ id }) => id !== link) };
  });
  if (cut === undefined) throw new Error(`no link ${link}`);
  return cut;
}

export const healLink = (network: Reached, link: Link): Promise<number> =>
  changeNetwork(network, (document) => ({ ...document, links: [...document.links, link] }));

interface Route {
  readonly paths: readonly { readonly nodes: readonly string[]; readonly links: readonly string[] }[];
  readonly cut: readonly string[];
}

/** As that node knows it at present. */
export async function routeBetween(network: Reached, from: string, to: string): Promise<Route> {
  const answer = await network.fetch(`/api/v1/nodes/${from}/routes/${to}`, "operator");
  if (answer.status !== 200) throw new Error(`route ${from} ${to}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Route;
}
