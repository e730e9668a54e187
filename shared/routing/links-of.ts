/**
 * From what nodes say of their links to the links that routes may use. A link exists while both its nodes announce it, each
 * with the other as peer: so nobody can draw routes to himself by a link that the other end knows nothing of.
 */
import { type LinkId, type NodeId, pairName, pairOf } from "../ids.ts";
import { canRelay, type CostRule, linkCost, type LinkQuality, worseOf } from "./cost.ts";
import type { Advertisement, RouteLink } from "./types.ts";

export interface LinkEnds {
  readonly link: LinkId;
  readonly nodes: readonly [NodeId, NodeId];
}

export interface UnusableLink extends LinkEnds {
  /** Those of its nodes that do not announce it. */
  readonly silent: readonly NodeId[];
  /** By somebody's word it has no key for relays. */
  readonly isDry: boolean;
}

export interface NetworkLinks {
  readonly usable: readonly RouteLink[];
  readonly unusable: readonly UnusableLink[];
  /** Nodes of which nothing is heard. */
  readonly mute: readonly NodeId[];
}

export interface NetworkView {
  /** Those of the network document: links of others do not count. */
  readonly nodes: readonly NodeId[];
  /** Links of the document: their ids belong to them, and those that nobody announces are told of as well. */
  readonly documented: readonly LinkEnds[];
  /** What nodes say of their own links, hosted ones too. In any order. */
  readonly words: readonly Pick<Advertisement, "node" | "links">[];
  readonly cost: CostRule;
}

interface Heard {
  readonly ends: LinkEnds;
  readonly qualities: Map<NodeId, LinkQuality>;
}

/** Link ids come last: those of remote nodes may hold anything. */
export const nameOfLink = ({ link, nodes: [a, b] }: LinkEnds): string => `${pairName(pairOf(a, b))}|${link}`;

function endsOfLink(link: LinkId, a: NodeId, b: NodeId): LinkEnds {
  const { low, high } = pairOf(a, b);
  return { link, nodes: [low, high] };
}

/** All links between nodes of the network that the document or somebody's word knows. */
function gather({ nodes, documented, words }: NetworkView): ReadonlyMap<string, Heard> {
  const known = new Set(nodes);
  const heard = new Map<string, Heard>();
  const owners = new Map<LinkId, string>();
  const heardOf = (ends: LinkEnds): Heard | null => {
    const name = nameOfLink(ends);
    if (ends.nodes[0] === ends.nodes[1] || !ends.nodes.every((node) => known.has(node))) return null;
    if ((owners.get(ends.link) ?? name) !== name) return null;
    const one = heard.get(name) ?? { ends, qualities: new Map() };
    heard.set(name, one);
    return one;
  };
  for (const { link, nodes: ends } of documented) {
    const canonical = endsOfLink(link, ...ends);
    owners.set(link, nameOfLink(canonical));
    heardOf(canonical);
  }
  for (const { node, links } of words) {
    for (const state of links) {
      const one = heardOf(endsOfLink(state.link, node, state.peer));
      const said = one?.qualities.get(node);
      one?.qualities.set(node, said === undefined ? state : worseOf(said, state));
    }
  }
  return heard;
}

function judge({ ends, qualities }: Heard, cost: CostRule): RouteLink | UnusableLink {
  const silent = ends.nodes.filter((node) => !qualities.has(node));
  const [first, ...others] = qualities.values();
  const quality = first === undefined ? null : others.reduce(worseOf, first);
  const isDry = quality !== null && !canRelay(quality);
  if (quality === null || isDry || silent.length > 0) return { ...ends, silent, isDry };
  return { ...ends, cost: linkCost(cost, quality) };
}

/** The same for the same words, whatever their order; links in the order of their nodes' ids. */
export function linksOf(view: NetworkView): NetworkLinks {
  const heard = [...gather(view)].sort(([a], [b]) => (a < b ? -1 : 1));
  const judged = heard.map(([, one]) => judge(one, view.cost));
  const speaking = new Set(view.words.map(({ node }) => node));
  return {
    usable: judged.filter((link) => "cost" in link),
    unusable: judged.filter((link) => "silent" in link),
    mute: [...new Set(view.nodes)].filter((node) => !speaking.has(node)).sort(),
  };
}
