/** Which pools serve two SAEs: those of the pair of their nodes, as it is now and, for pending keys, as it was before a move. */
import { fail, type Fault } from "../errors/errors.ts";
import { pairName, pairOf, type NodeId, type PairName, type SaeId } from "../ids.ts";
import { relayShardOf } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { LinkEntry } from "./document.ts";
import { disjointPathsFor, type Lookup, nodeId, relayDrainUntilMs } from "./lookup.ts";

/** How new keys come to two nodes. */
export interface Route {
  /** Both SAEs are on one node; a link joins their nodes; or key comes over other nodes. */
  readonly kind: "same-node" | "link" | "relay";
  readonly pair: PairName;
  /** Of kind `link` only. */
  readonly link: LinkEntry | null;
  /**
   * Node-disjoint paths of the pair's key that comes over other nodes, as it may where there is a link, too; null: none
   * does.
   */
  readonly relayPaths: number | null;
  readonly masterNode: NodeId;
  readonly slaveNode: NodeId;
}

/** The route of new keys of two SAEs; `unknown-sae` or `no-route`. */
export function pairForEnc(lookup: Lookup, master: SaeId, slave: SaeId): Result<Route, Fault> {
  const masterNode = nodeOfSae(lookup, master);
  if (masterNode === undefined) return fail("unknown-sae", "the calling SAE is not in the network");
  const slaveNode = nodeOfSae(lookup, slave);
  if (slaveNode === undefined) return fail("unknown-sae", "no such slave SAE");
  return routeBetween(lookup, masterNode, slaveNode);
}

/** Where it is attached, or may be announced by another deployment; undefined: nowhere. */
function nodeOfSae(lookup: Lookup, sae: SaeId): NodeId | undefined {
  const entry = lookup.saesById.get(sae);
  return entry === undefined ? lookup.remoteSaes.get(sae) : nodeId(entry.node);
}

/** The same for two nodes. @returns `no-route` where no link joins them, and no key is relayed between them */
export function routeBetween(lookup: Lookup, masterNode: NodeId, slaveNode: NodeId): Result<Route, Fault> {
  const pair = pairName(pairOf(masterNode, slaveNode));
  const ends = { pair, masterNode, slaveNode };
  if (masterNode === slaveNode) return ok({ ...ends, kind: "same-node", link: null, relayPaths: null });
  const asked = disjointPathsFor(lookup, pair);
  const relayPaths = isRelaying(lookup, masterNode, slaveNode) ? (asked ?? 1) : null;
  // Where the document says how keys have to come, a link is no other way.
  const link = asked === null ? (lookup.linkByPair.get(pair) ?? null) : null;
  if (link !== null) return ok({ ...ends, kind: "link", link, relayPaths });
  if (relayPaths !== null) return ok({ ...ends, kind: "relay", link, relayPaths });
  const why = lookup.policy.relay.enabled ? "no key is relayed there" : "policy.relay.enabled is false";
  return fail("no-route", `no link joins nodes ${masterNode} and ${slaveNode} of these SAEs, and ${why}`);
}

/** May key of two nodes come over others? Those that bring it in are hosted here. */
function isRelaying({ policy, nodesById }: Lookup, a: NodeId, b: NodeId): boolean {
  const ends = [nodesById.get(a), nodesById.get(b)];
  const isKnown = ends.every((node) => node !== undefined);
  return policy.relay.enabled && isKnown && ends.some((node) => node?.remote === undefined);
}

/** Those that hold key of the link itself. */
export const linkShards = ({ shards }: Pick<LinkEntry, "shards">): readonly number[] =>
  Array.from({ length: shards }, (_, shard) => shard);

/** The shards that give new keys over this route, without leaving its link where there is one. */
export function shardsOf({ link, relayPaths }: Pick<Route, "link" | "relayPaths">): readonly number[] {
  if (link !== null) return linkShards(link);
  return [relayPaths === null ? 0 : relayShardOf(relayPaths)];
}

/**
 * The pairs in whose pools keys of this master for this SAE may wait, the likeliest first: of their present nodes,
 * then of nodes either was moved from, as long as it drains. Empty when there is none.
 */
export function pairsForDec(lookup: Lookup, sae: SaeId, master: SaeId, nowMs: number): readonly PairName[] {
  const pairs = new Set<PairName>();
  for (const mine of nodesOfSae(lookup, sae, nowMs)) {
    for (const theirs of nodesOfSae(lookup, master, nowMs)) {
      const pair = pairName(pairOf(mine, theirs));
      if (isServed(lookup, pair, nowMs)) pairs.add(pair);
    }
  }
  return [...pairs];
}

/** The nodes where an SAE has or may still have keys, the present one first. Bounded. */
export function nodesOfSae(lookup: Lookup, sae: SaeId, nowMs: number): readonly NodeId[] {
  const nodes = new Set<NodeId>();
  const present = nodeOfSae(lookup, sae);
  if (present !== undefined) nodes.add(present);
  for (const drain of lookup.saeDrains.get(sae) ?? []) {
    if (drain.untilMs > nowMs && nodes.size < LIMITS.nodesPerSae) nodes.add(nodeId(drain.sae.node));
  }
  return [...nodes];
}

/** Of a link or relayed, and of one node: as long as both nodes are there, or drain. Else a pair of its own may drain. */
const isServed = (lookup: Lookup, pair: PairName, nowMs: number): boolean =>
  Math.max(relayDrainUntilMs(lookup, pair), lookup.pairDrains.get(pair)?.untilMs ?? 0) > nowMs;
