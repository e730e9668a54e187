/** Which pool serves two SAEs: the pair of their nodes, as it is now and, for pending keys, as it was before a move. */
import { fail, type Fault } from "../errors/errors.ts";
import { pairName, pairOf, type NodeId, type PairName, type SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import type { LinkEntry } from "./document.ts";
import { nodeId, type Lookup } from "./lookup.ts";

export interface Route {
  readonly pair: PairName;
  /** Null: both SAEs are on one node. */
  readonly link: LinkEntry | null;
  readonly masterNode: NodeId;
  readonly slaveNode: NodeId;
}

/** The pair that gives new keys to two SAEs; `unknown-sae` or `no-route` (neither of one node nor of adjacent ones). */
export function pairForEnc(lookup: Lookup, master: SaeId, slave: SaeId): Result<Route, Fault> {
  const masterEntry = lookup.saesById.get(master);
  if (masterEntry === undefined) return fail("unknown-sae", "the calling SAE is not in the network");
  const slaveEntry = lookup.saesById.get(slave);
  if (slaveEntry === undefined) return fail("unknown-sae", "no such slave SAE");
  return routeBetween(lookup, nodeId(masterEntry.node), nodeId(slaveEntry.node));
}

/** The same for two nodes. @returns `no-route` */
export function routeBetween(lookup: Lookup, masterNode: NodeId, slaveNode: NodeId): Result<Route, Fault> {
  const pair = pairName(pairOf(masterNode, slaveNode));
  const link = lookup.linkByPair.get(pair) ?? null;
  if (link === null && masterNode !== slaveNode) {
    return fail(
      "no-route",
      `nodes ${masterNode} and ${slaveNode} of these SAEs are not adjacent, and relaying is not available`,
    );
  }
  return ok({ pair, link, masterNode, slaveNode });
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
      if (isServed(lookup, pair, mine === theirs ? mine : null, nowMs)) pairs.add(pair);
    }
  }
  return [...pairs];
}

/** The nodes where an SAE has or may still have keys, the present one first. Bounded. */
export function nodesOfSae(lookup: Lookup, sae: SaeId, nowMs: number): readonly NodeId[] {
  const nodes = new Set<NodeId>();
  const present = lookup.saesById.get(sae);
  if (present !== undefined) nodes.add(nodeId(present.node));
  for (const drain of lookup.saeDrains.get(sae) ?? []) {
    if (drain.untilMs > nowMs && nodes.size < LIMITS.nodesPerSae) nodes.add(nodeId(drain.sae.node));
  }
  return [...nodes];
}

function isServed(lookup: Lookup, pair: PairName, localNode: NodeId | null, nowMs: number): boolean {
  if (localNode === null ? lookup.linkByPair.has(pair) : lookup.nodesById.has(localNode)) return true;
  return (lookup.pairDrains.get(pair)?.untilMs ?? 0) > nowMs;
}
