/**
 * What happens to keys of an SAE, node or link that a new document moves or removes: for a while they may still be
 * fetched (a drain), then they are voided. Putting back what drains takes the drain back.
 */
import { parsePairName, type PairName } from "../ids.ts";
import { canonicalJson } from "../audit/canonical-json.ts";
import type { PoolConfig } from "../keypool/types.ts";
import { removalsBetween } from "./diff.ts";
import type { Drain } from "./directory-types.ts";
import type { NetworkDocument } from "./document.ts";
import { localPair, pairOfLink } from "./lookup.ts";
import { drainedNode, nodeStates, poolConfigs, type PoolView } from "./pool-config.ts";
import { remoteOf } from "./relay-view.ts";

/** Names a drain: an SAE at the node it leaves, or a pair. Node ids hold no colon. */
export const drainKey = (drain: Drain): string =>
  drain.kind === "sae" ? `sae:${drain.sae.node}:${drain.sae.id}` : `pair:${drain.pair}`;

type PairDrain = Extract<Drain, { kind: "pair" }>;

export interface DrainPlan {
  readonly opened: readonly Drain[];
  /** Keys of drains whose SAE or pair is back where it was. */
  readonly cancelled: readonly string[];
}

/** Drains that a new document opens and takes back; those it opens end after the old policy's `drain_s`. */
export function planDrains(before: PoolView, after: NetworkDocument, nowMs: number): DrainPlan {
  const untilMs = nowMs + before.document.policy.drain_s * 1000;
  const removed = removalsBetween(before.document, after);
  const configOf = poolConfigs(before);
  const saePairs = pairsByNode(before);
  const ofPair = (pair: PairName, more: Pick<PairDrain, "remote"> = {}): Drain => ({
    kind: "pair",
    pair,
    config: { ...configOf(pair), state: "draining" },
    ...more,
    untilMs,
  });
  const opened: Drain[] = [
    ...removed.links.map((link) => ofPair(pairOfLink(link))),
    ...removed.nodes.map((node) => {
      const remote = remoteOf(node);
      return ofPair(localPair(node.id), remote === null ? {} : { remote });
    }),
    ...removed.saes.map((sae): Drain => ({ kind: "sae", sae, pairs: saePairs.get(sae.node) ?? [], untilMs })),
  ];
  const served = drainKeysServed(after);
  return { opened, cancelled: before.drains.map((drain) => drainKey(drain)).filter((key) => served.has(key)) };
}

/**
 * Pairs whose pools are told something new by a change, with how many shards each has. Pools of a single node are left
 * out unless they come or go: they do nothing of their own accord, and learn the policy with the next request.
 */
export function pairsChanged(before: PoolView, after: PoolView): ReadonlyMap<PairName, number> {
  const changed = new Map<PairName, number>();
  const [configBefore, configAfter] = [poolConfigs(before), poolConfigs(after)];
  const policyChanged = canonicalJson(before.document.policy) !== canonicalJson(after.document.policy);
  for (const pair of pairsIn(before, after)) {
    const [was, is] = [configBefore(pair), configAfter(pair)];
    if (policyChanged || bare(was) !== bare(is)) changed.set(pair, Math.max(was.shards, is.shards));
  }
  return changed;
}

/**
 * Nodes whose pools of relayed key are told something new by a change; `all`: those of every node. Which of them exist
 * is known to the Directory alone.
 */
export function relaysChanged(before: PoolView, after: PoolView): readonly string[] | "all" {
  if (canonicalJson(before.document.policy) !== canonicalJson(after.document.policy)) return "all";
  const [was, is] = [nodeStates(before.document, before.drains), nodeStates(after.document, after.drains)];
  // Should one that comes have been there before, its pools hear of it with their next request.
  const moved = new Set(
    [...was].flatMap(([node, state]) => (canonicalJson(state) === canonicalJson(is.get(node) ?? null) ? [] : [node])),
  );
  // Both nodes of a link have the pools beside it: one is enough.
  const beside = relinked(before.document, after.document)
    .map((pair) => parsePairName(pair))
    .filter(({ low, high }) => [low, high].every((node) => was.has(node) && !moved.has(node)));
  return [...new Set([...moved, ...beside.map(({ low }) => low)])];
}

/** Pairs that have got a link, or lost it, or have another number of shards now. */
function relinked(before: NetworkDocument, after: NetworkDocument): readonly PairName[] {
  const [was, is] = [before, after].map(
    ({ links }) => new Map(links.map((link) => [pairOfLink(link), link.shards] as const)),
  );
  return [...new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])].filter(
    (pair) => was?.get(pair) !== is?.get(pair),
  );
}

/** A configuration without what all share. */
const bare = ({ version: _version, policy: _policy, ...own }: PoolConfig): string => canonicalJson(own);

/** Every pair with a link or a drain in either view. */
function pairsIn(...views: readonly PoolView[]): ReadonlySet<PairName> {
  const pairs = new Set<PairName>();
  for (const { document, drains } of views) {
    for (const link of document.links) pairs.add(pairOfLink(link));
    for (const drain of drains) if (drain.kind === "pair") pairs.add(drain.pair);
  }
  return pairs;
}

/** The keys that drains would have of all that a document holds. */
function drainKeysServed({ saes, links, nodes }: NetworkDocument): ReadonlySet<string> {
  return new Set([
    ...saes.map((sae) => `sae:${sae.node}:${sae.id}`),
    ...links.map((link) => `pair:${pairOfLink(link)}`),
    ...nodes.map((node) => `pair:${localPair(node.id)}`),
  ]);
}

/**
 * The pairs in which keys of a node's SAEs may lie: its own, those with its neighbours, and those still draining. Which
 * others hold relayed keys of theirs is known to the Directory alone, and would be too many to write down.
 */
function pairsByNode({ document, drains }: PoolView): Map<string, PairName[]> {
  const pairs = new Map(document.nodes.map((node) => [node.id, new Set([localPair(node.id)])]));
  const add = (node: string, pair: PairName) => pairs.get(node)?.add(pair);
  for (const link of document.links) for (const end of link.nodes) add(end, pairOfLink(link));
  for (const drain of drains) {
    if (drain.kind === "pair") for (const end of drain.pair.split("|")) add(end, drain.pair);
  }
  return new Map([...pairs].map(([node, set]) => [node, [...set]]));
}

/** Which of a drain's nodes were hosted elsewhere while its pools were filled: they cannot come back as something else. */
export function hostingOf(drain: Drain): readonly { readonly node: string; readonly isRemote: boolean }[] {
  if (drain.kind === "sae") return [{ node: drain.sae.node, isRemote: false }];
  const gone = drainedNode(drain);
  if (gone !== null) return [{ node: gone.id, isRemote: gone.remote !== null }];
  const { low, high } = parsePairName(drain.pair);
  return [low, high].map((node) => ({ node, isRemote: node === drain.config.remote?.otherNode }));
}
