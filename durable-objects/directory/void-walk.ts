/** Where the keys may lie that a drain leaves: which pools are visited, in which order. */
import type { PairName } from "../../shared/ids.ts";
import type { Drain } from "../../shared/network/directory-types.ts";
import { maxShardsOf } from "../../shared/network/lookup.ts";
import { drainedNode } from "../../shared/network/pool-config.ts";
import { behind, FIRST_POOL, type PoolPlace, type PoolStore } from "./pool-store.ts";
import type { Errand, NetworkView } from "./store.ts";

type Void = Extract<Errand, { kind: "void" }>;

export interface VoidTarget {
  readonly pair: PairName;
  readonly shard: number;
  /** The record to go on behind. */
  readonly after: number;
  /** Where the walk stands once the pool has answered. @param next as the pool says; null: it is done */
  readonly onward: (next: number | null) => Pick<Void, "pairIndex" | "shard" | "from" | "after">;
}

export const pairsOfDrain = (drain: Drain): readonly PairName[] => (drain.kind === "sae" ? drain.pairs : [drain.pair]);

/** The next pool to go to, or null after the last. */
export function voidTarget(drain: Drain, errand: Void, view: NetworkView, pools: PoolStore): VoidTarget | null {
  return inPairs(drain, errand, view) ?? inOthers(drain, errand, view, pools);
}

/**
 * Pairs that are gone by now hold nothing any more. Shards a pair does not have itself are visited too: see
 * `maxShardsOf`.
 */
function inPairs(drain: Drain, errand: Void, view: NetworkView): VoidTarget | null {
  const pairs = pairsOfDrain(drain);
  const shards = maxShardsOf(view);
  let { shard, after } = errand;
  for (let { pairIndex } = errand; pairIndex < pairs.length; pairIndex++) {
    const pair = pairs[pairIndex];
    if (pair !== undefined && view.configOf(pair).state !== "gone" && shard < shards) {
      const here = { pairIndex, shard };
      const done = { pairIndex, shard: shard + 1, after: 0 };
      return { pair, shard, after, onward: (next) => (next === null ? done : { ...here, after: next }) };
    }
    shard = 0;
    after = 0;
  }
  return null;
}

function inOthers(drain: Drain, errand: Void, view: NetworkView, pools: PoolStore): VoidTarget | null {
  const { from = FIRST_POOL } = errand;
  for (const { name, pair, shard } of otherPools(drain, view, pools, from)) {
    const place = { pairIndex: pairsOfDrain(drain).length, shard: 0 };
    const done = { ...place, from: behind(name), after: 0 };
    return {
      pair,
      shard,
      after: from === name ? errand.after : 0,
      onward: (next) => (next === null ? done : { ...place, from: name, after: next }),
    };
  }
  return null;
}

const PAGE = 64;

/**
 * Pools that are known to have held key, in which a drain's keys may lie though they are none of its pairs': relayed
 * keys, and imports. Of a node all go that hold relayed key; those of its links have drains of their own.
 */
export function* otherPools(
  drain: Drain,
  view: NetworkView,
  pools: PoolStore,
  from = FIRST_POOL,
): Generator<PoolPlace> {
  const node = drain.kind === "sae" ? drain.sae.node : drainedNode(drain)?.id;
  if (node === undefined) return;
  const pairs = new Set(pairsOfDrain(drain));
  const shards = maxShardsOf(view);
  let page = pools.poolsFrom(node, from, PAGE);
  while (page.length > 0) {
    for (const place of page) {
      const { state, source } = view.configOf(place.pair, place.shard);
      const isVisited = pairs.has(place.pair) && place.shard < shards;
      const isConcerned = drain.kind === "sae" || source === "relay" || place.pair === drain.pair;
      if (state !== "gone" && !isVisited && isConcerned) yield place;
    }
    page = pools.poolsFrom(node, behind(page.at(-1)?.name ?? FIRST_POOL), PAGE);
  }
}
