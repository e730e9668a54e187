/** The network as the Monitor sees it: what there is to look at. */
import { siteOf } from "../auth/policy.ts";
import type { LinkId, NodeId, PairName } from "../ids.ts";
import type { LinkEntry, NetworkDocument, WebhookEntry } from "../network/document.ts";
import { nodeId, pairOfLink } from "../network/lookup.ts";
import { linkShards } from "../network/pairs.ts";

export interface WatchedNode {
  readonly id: NodeId;
  /** Where another deployment is reached that hosts it; null: hosted here. */
  readonly url: string | null;
  readonly site: string | null;
  readonly saes: number;
  readonly neighbours: readonly NodeId[];
  readonly hasIpsecHost: boolean;
}

export interface WatchedLink {
  readonly id: LinkId;
  readonly nodes: readonly [NodeId, NodeId];
  readonly pair: PairName;
  readonly source: LinkEntry["source"];
  readonly shards: readonly number[];
  /** Neither of its nodes is hosted here. */
  readonly isElsewhere: boolean;
}

export interface WatchedSite {
  readonly id: string;
  readonly nodes: readonly NodeId[];
}

export interface WatchedNetwork {
  /** Of the snapshot. */
  readonly sequence: number;
  readonly documentVersion: number;
  readonly name: string;
  readonly isRelayEnabled: boolean;
  readonly poolCapacityBytes: number;
  readonly nodes: readonly WatchedNode[];
  readonly links: readonly WatchedLink[];
  readonly sites: readonly WatchedSite[];
  readonly webhooks: readonly WebhookEntry[];
}

export function watchedNetwork(network: {
  readonly sequence: number;
  readonly documentVersion: number;
  readonly document: NetworkDocument;
}): WatchedNetwork {
  const { sequence, documentVersion, document } = network;
  const saes = Map.groupBy(document.saes, ({ node }) => node);
  const hosted = new Set(document.nodes.filter(({ remote }) => remote === undefined).map(({ id }) => id));
  const links = document.links.map((link): WatchedLink => ({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ids become branded here
    id: link.id as LinkId,
    nodes: [nodeId(link.nodes[0]), nodeId(link.nodes[1])],
    pair: pairOfLink(link),
    source: link.source,
    shards: linkShards(link),
    isElsewhere: !link.nodes.some((id) => hosted.has(id)),
  }));
  const neighbours = Map.groupBy(
    links.flatMap(({ nodes: [a, b] }) => [
      { of: a, is: b },
      { of: b, is: a },
    ]),
    ({ of }) => of,
  );
  const nodes = document.nodes.map((node): WatchedNode => ({
    id: nodeId(node.id),
    url: node.remote?.url ?? null,
    site: node.remote === undefined ? siteOf(node) : null,
    saes: (node.remote?.saes ?? saes.get(node.id) ?? []).length,
    neighbours: (neighbours.get(nodeId(node.id)) ?? []).map(({ is }) => is),
    hasIpsecHost: node.remote === undefined && node.ipsec !== undefined,
  }));
  return {
    sequence,
    documentVersion,
    name: document.name,
    isRelayEnabled: document.policy.relay.enabled,
    poolCapacityBytes: document.policy.pool.capacity_bytes,
    nodes,
    links,
    sites: sitesOf(nodes, document.agents),
    webhooks: document.webhooks ?? [],
  };
}

function sitesOf(nodes: readonly WatchedNode[], agents: NetworkDocument["agents"]): readonly WatchedSite[] {
  const bySite = Map.groupBy(
    nodes.filter(({ site }) => site !== null),
    ({ site }) => site,
  );
  const names = new Set([...bySite.keys(), ...agents.map(({ site }) => site)]);
  return [...names].flatMap((id) =>
    id === null ? [] : [{ id, nodes: (bySite.get(id) ?? []).map((node) => node.id) }],
  );
}
