/** What a new document would void: keys nobody fetches in time, and unused material. Asked of the pools before. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId, PairName, SaeId } from "../../shared/ids.ts";
import type { PendingOf } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { removalsBetween } from "../../shared/network/diff.ts";
import type { Drain, NetworkDiff } from "../../shared/network/directory-types.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { planDrains } from "../../shared/network/drains.ts";
import { maxShardsOf, nodeId, pairOfLink, saeId } from "../../shared/network/lookup.ts";
import { drainedNode } from "../../shared/network/pool-config.ts";
import type { Result } from "../../shared/result.ts";
import { attempt, type Pools } from "./errands.ts";
import type { PoolStore } from "./pool-store.ts";
import type { NetworkView } from "./store.ts";
import { otherPools, pairsOfDrain } from "./void-walk.ts";

type Step = { readonly keys: number; readonly next: number | null };

interface Question {
  readonly kind: NetworkDiff["pendingKeys"][number]["kind"];
  readonly id: string;
  /** As it would be opened. */
  readonly drain: Drain;
  readonly of: { readonly sae: SaeId | null; readonly node?: NodeId };
}

/** Whom to ask: pools, and which of them there are. */
interface Asked {
  readonly pools: Pools;
  readonly known: PoolStore;
}

/** Calls left to pools, and whether all that was asked got an answer. */
interface Budget {
  calls: number;
  complete: boolean;
}

type Losses = Pick<NetworkDiff, "pendingKeys" | "unusedMaterial" | "complete">;

/** At most LIMITS.poolCallsPerDiff calls to pools: `complete` is false when that was too few. */
export async function lossesOf(view: NetworkView, after: NetworkDocument, asked: Asked): Promise<Losses> {
  const budget: Budget = { calls: LIMITS.poolCallsPerDiff, complete: true };
  const unusedMaterial = await unusedAt(view, after, asked.pools, budget);
  const pendingKeys = await pendingAt(view, after, asked, budget);
  return { pendingKeys, unusedMaterial, complete: budget.complete };
}

/**
 * For each SAE, node and link removed or moved; a node's are those of its own pool, and all relayed ones. Keys of an SAE
 * are counted again under a link or a node that goes too, and relayed keys under both nodes.
 */
async function pendingAt(
  view: NetworkView,
  after: NetworkDocument,
  asked: Asked,
  budget: Budget,
): Promise<Losses["pendingKeys"]> {
  const counts: { kind: Question["kind"]; id: string; keys: number }[] = [];
  for (const { kind, id, drain, of } of questions(view, after)) {
    let keys = 0;
    for (const { pair, shard } of poolsOfDrain(drain, view, asked.known)) {
      // One after the other: a diff is rare, and may not crowd the pools.
      keys += await countAt(asked.pools, pair, shard, of, budget);
      if (budget.calls === 0) break;
    }
    counts.push({ kind, id, keys });
  }
  return counts;
}

function* poolsOfDrain(
  drain: Drain,
  view: NetworkView,
  known: PoolStore,
): Generator<{ readonly pair: PairName; readonly shard: number }> {
  const shards = maxShardsOf(view);
  for (const pair of pairsOfDrain(drain)) for (let shard = 0; shard < shards; shard++) yield { pair, shard };
  yield* otherPools(drain, view, known);
}

/** Of each link that goes, the available bits in all its shards. */
async function unusedAt(
  view: NetworkView,
  after: NetworkDocument,
  pools: Pools,
  budget: Budget,
): Promise<Losses["unusedMaterial"]> {
  const unused: { link: string; availableBits: number }[] = [];
  const call = { configVersion: view.sequence, principal: "directory" };
  for (const link of removalsBetween(view.document, after).links) {
    let availableBits = 0;
    for (let shard = 0; shard < link.shards; shard++) {
      const answer = await within(budget, () => pools(pairOfLink(link), shard).status(call));
      availableBits += answer?.ledgerBits.available ?? 0;
    }
    unused.push({ link: link.id, availableBits });
  }
  return unused;
}

/** A pool's answer; null, and the budget says so, where there is none or no call is left. */
async function within<T>(budget: Budget, call: () => Promise<Result<T, Fault>>): Promise<T | null> {
  if (budget.calls > 0) {
    budget.calls -= 1;
    const answer = await attempt(call);
    if (answer.ok) return answer.value;
  }
  budget.complete = false;
  return null;
}

async function countAt(
  pools: Pools,
  pair: PairName,
  shard: number,
  of: Question["of"],
  budget: Budget,
): Promise<number> {
  let keys = 0;
  let after: number | null = 0;
  while (after !== null) {
    const call: PendingOf = { ...of, after };
    const step: Step | null = await within(budget, () => pools(pair, shard).countPending(call));
    keys += step?.keys ?? 0;
    after = step?.next ?? null;
  }
  return keys;
}

function questions(view: NetworkView, after: NetworkDocument): Question[] {
  return planDrains(view, after, 0)
    .opened.map((drain): Question => {
      if (drain.kind === "sae") {
        const { id, node } = drain.sae;
        return { kind: "sae", id, drain, of: { sae: saeId(id), node: nodeId(node) } };
      }
      const node = drainedNode(drain);
      const of = { sae: null };
      return node === null
        ? { kind: "link", id: drain.config.link ?? drain.pair, drain, of }
        : { kind: "node", id: node.id, drain, of };
    })
    .sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

/** In the order in which they are told. */
const KINDS: readonly Question["kind"][] = ["sae", "node", "link"];
