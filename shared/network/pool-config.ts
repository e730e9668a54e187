/** What the Directory tells a pool about itself, from the document and the drains. */
import { DEFAULT_DESIGN } from "../conditioning/lengths.ts";
import { parsePairName, type LinkId, type NodeId, type Pair, type PairName } from "../ids.ts";
import { isRelayShard } from "../keypool/relay-shard.ts";
import type { PoolConfig } from "../keypool/types.ts";
import type { Drain } from "./directory-types.ts";
import type { LinkEntry, NetworkDocument, Policy } from "./document.ts";
import { pairOfLink } from "./lookup.ts";
import { remoteOf, type RemoteNode } from "./relay-view.ts";

/** The network as pools see it. */
export interface PoolView {
  readonly sequence: number;
  readonly document: NetworkDocument;
  readonly drains: readonly Drain[];
}

/** @param shard of the pool that asks; one below FIRST_RELAY_SHARD where absent */
export type ConfigOf = (pair: PairName, shard?: number) => PoolConfig;

type Fixed = Omit<PoolConfig, "version" | "pair" | "policy">;
const NO_LINK = { link: null, feed: "one-ended", health: "reject", keyRateBps: 0, shards: 1 } as const;
/** The pool of one node's own SAEs draws on the platform's random generator and needs no more than one object. */
const LOCAL: Fixed = { ...NO_LINK, state: "active", source: "local" };
const GONE: Fixed = { ...NO_LINK, state: "gone", source: "push" };
/** Each end puts in what has come to it, and the pool compares them. The bits were tested on their links. */
const RELAYED: Omit<Fixed, "state"> = { ...NO_LINK, source: "relay", feed: "two-ended", health: "accept" };

/**
 * Arranges a view for the question a pool asks: what is my configuration? The answer is `gone` for a pair that is
 * neither served nor drained.
 */
export function poolConfigs({ sequence, document, drains }: PoolView): ConfigOf {
  const nodes = nodeStates(document, drains);
  const links = new Map(document.links.map((link) => [pairOfLink(link), link]));
  const draining = new Map(
    drains.flatMap((drain) => (drain.kind === "pair" ? [[drain.pair, drain.config] as const] : [])),
  );
  return (pair, shard = 0) => {
    const ends = parsePairName(pair);
    const base = { version: sequence, pair, policy: document.policy };
    const drained = draining.get(pair);
    if (ends.low === ends.high) {
      const node = nodes.get(ends.low);
      if (node?.isPresent === true && node.remote === null) return { ...base, ...LOCAL };
    } else {
      const link = links.get(pair);
      if (isRelayShard(shard)) return { ...base, ...relayedConfig(ends, nodes, document.policy), ...shardsOf(link) };
      if (link !== undefined) return { ...base, ...linkConfig(link), ...peerOf(ends, nodes), state: "active" };
      if (drained === undefined) return { ...base, ...relayedConfig(ends, nodes, document.policy) };
    }
    return drained === undefined ? { ...base, ...GONE } : { ...drained, version: sequence, state: "draining" };
  };
}

const shardsOf = (link: LinkEntry | undefined): Pick<PoolConfig, "linkShards"> =>
  link === undefined ? {} : { linkShards: link.shards };

/** A node of the document, or one that has been removed and still drains. */
export interface NodeState {
  readonly isPresent: boolean;
  /** Null: hosted here. */
  readonly remote: RemoteNode | null;
}
type Nodes = ReadonlyMap<string, NodeState>;

export function nodeStates({ nodes }: NetworkDocument, drains: readonly Drain[]): Nodes {
  const removed = drains.flatMap((drain) => {
    const node = drainedNode(drain);
    return node === null ? [] : [[node.id, { isPresent: false, remote: node.remote }] as const];
  });
  const present = nodes.map((node) => [node.id, { isPresent: true, remote: remoteOf(node) }] as const);
  return new Map<string, NodeState>([...removed, ...present]);
}

/** The node that has been removed, where a drain is that of a node: of its own pool, and of all that hold relayed key. */
export function drainedNode(drain: Drain): { readonly id: NodeId; readonly remote: RemoteNode | null } | null {
  if (drain.kind === "sae") return null;
  const { low, high } = parsePairName(drain.pair);
  return low === high ? { id: low, remote: drain.remote ?? null } : null;
}

/** Of two nodes without a link, or of a relay shard of two with one. */
function relayedConfig(pair: Pair, nodes: Nodes, policy: Policy): Fixed {
  const ends = [nodes.get(pair.low), nodes.get(pair.high)].filter((end) => end !== undefined);
  if (ends.length < 2 || ends.every(({ remote }) => remote !== null)) return GONE;
  // Switched off, it gives nothing more, and what it has given may be fetched as ever: nobody's node is gone.
  const isActive = policy.relay.enabled && ends.every(({ isPresent }) => isPresent);
  return { ...RELAYED, ...peerOf(pair, nodes), state: isActive ? "active" : "draining" };
}

/**
 * Where the other half is of a pool that has one of its nodes here and one elsewhere. What the other end pushes, its own
 * half takes: this one sees one end's blocks, and its units belong to nobody until the other half has the block, too.
 */
function peerOf({ low, high }: Pair, nodes: Nodes): Partial<Pick<PoolConfig, "remote" | "feed">> {
  const feed = "one-ended";
  const [ofLow, ofHigh] = [nodes.get(low)?.remote ?? null, nodes.get(high)?.remote ?? null];
  if (ofLow !== null && ofHigh === null) return { feed, remote: { ownNode: high, otherNode: low, peer: ofLow } };
  if (ofHigh !== null && ofLow === null) return { feed, remote: { ownNode: low, otherNode: high, peer: ofHigh } };
  return {};
}

function linkConfig(link: LinkEntry): Omit<Fixed, "state"> {
  const { source, feed, health, key_rate_bps: keyRateBps, shards } = link;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ids become branded here
  return { link: link.id as LinkId, source, feed, health, ...conditioningOf(link), keyRateBps, shards };
}

function conditioningOf({ health, ...link }: LinkEntry): Pick<PoolConfig, "conditioning"> {
  if (health !== "condition" || link.conditioning_seed === undefined) return {};
  const minEntropyPerBit = link.min_entropy_per_bit ?? DEFAULT_DESIGN.minEntropyPerBit;
  return { conditioning: { minEntropyPerBit, publicSeed: link.conditioning_seed } };
}
