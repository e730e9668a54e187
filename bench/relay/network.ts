/**
 * The bench's network: a chain n0 .. n5 of simulated links, with leaves, nodes that lie an equal number of hops from n0 and
 * that nobody has had keys with: four more hops behind n4, one more behind n1. An SAE at each node. Pure.
 */
import { type NodeId, pairName, pairOf } from "../../shared/ids.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { pushLink } from "../../test/support/network-document.ts";

/** From n0, and with whom keys are had. */
export const HOPS = [1, 2, 3, 5] as const;
const LAST = Math.max(...HOPS);

export const nodeAt = (hops: number): string => `n${hops}`;
export const saeOf = (node: string): string => `sae-${node}`;
const linkName = (node: string, next: string): string => `${node}-${next}`;

/** Pools of relayed key ask the node with the lower id to begin: that is n0, for all the others. */
export const FIRST_NODE = nodeAt(0);
export const pairWith = (node: string): string => pairName(pairOf(FIRST_NODE as NodeId, node as NodeId));

export const CHAIN: readonly string[] = Array.from({ length: LAST + 1 }, (_, hops) => nodeAt(hops));

/** The links of the chain up to the node so many hops away. */
export const linksTo = (hops: number): string[] =>
  CHAIN.slice(0, hops).map((node, at) => linkName(node, nodeAt(at + 1)));

/** How far leaves are, as first keys are timed there. */
export const LEAF_HOPS = [2, LAST] as const;
export const LEAVES_EACH = 30;

export interface Leaf {
  readonly node: string;
  readonly link: string;
}
/** Nodes so many hops from n0, each behind the chain's last node but one on the way. */
export const leavesAt = (hops: number): Leaf[] =>
  Array.from({ length: LEAVES_EACH }, (_, number) => {
    const node = `${nodeAt(hops)}-leaf-${number}`;
    return { node, link: linkName(nodeAt(hops - 1), node) };
  });

/** Bits a second of each link of the chain: slow enough for any machine, whatever uses them. */
export const KEY_RATE_BPS = 64_000;

type PoolPolicy = NonNullable<NonNullable<NetworkDocumentInput["policy"]>["pool"]>;
const CAPACITY_BYTES = 256 * 1024 * 1024;

export interface Stage {
  readonly pool: PoolPolicy;
  readonly leafHops: readonly number[];
}
/** The chain alone, with so little in stock that rates are those of the links. */
export const RATES_STAGE: Stage = {
  pool: { capacity_bytes: CAPACITY_BYTES, high_bytes: 16 * 1024, low_bytes: 2048 },
  leafHops: [],
};
/** The whole, with as much in stock as is usual. */
export const FULL_STAGE: Stage = {
  pool: { capacity_bytes: CAPACITY_BYTES, high_bytes: 8 << 20, low_bytes: 64 * 1024 },
  leafHops: LEAF_HOPS,
};

const nodesOf = ({ leafHops }: Stage): string[] => [...CHAIN, ...leafHops.flatMap(leavesAt).map(({ node }) => node)];
export const SAES: readonly string[] = nodesOf(FULL_STAGE).map(saeOf);

/**
 * @param around has the operators
 * @param tokenSha256Of of an SAE's token
 */
export function relayNetwork(
  around: NetworkDocumentInput,
  tokenSha256Of: (sae: string) => string,
  stage: Stage,
): NetworkDocumentInput {
  const nodes = nodesOf(stage);
  return {
    name: "qkd-edge relay bench",
    nodes: nodes.map((id) => ({ id })),
    links: [
      ...linksTo(LAST).map((link, at) =>
        pushLink(link, nodeAt(at), nodeAt(at + 1), { source: "simulated", key_rate_bps: KEY_RATE_BPS }),
      ),
      ...stage.leafHops.flatMap((hops) =>
        leavesAt(hops).map(({ node, link }) => pushLink(link, nodeAt(hops - 1), node)),
      ),
    ],
    saes: nodes.map((node) => ({
      id: saeOf(node),
      node,
      credentials: [{ type: "token", sha256: tokenSha256Of(saeOf(node)) }],
    })),
    operators: around.operators,
    policy: { pool: stage.pool },
  };
}
