/** What a new document would void: keys nobody fetches in time, and unused material. Asked of the pools before. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId, PairName, SaeId } from "../../shared/ids.ts";
import type { PendingOf } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { removalsBetween } from "../../shared/network/diff.ts";
import type { NetworkDiff } from "../../shared/network/directory-types.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { localPair, planDrains } from "../../shared/network/drains.ts";
import { maxShardsOf, nodeId, pairOfLink, saeId } from "../../shared/network/lookup.ts";
import type { Result } from "../../shared/result.ts";
import { attempt, type Pools } from "./errands.ts";
import type { NetworkView } from "./store.ts";

type Step = { readonly keys: number; readonly next: number | null };

interface Question {
  readonly kind: NetworkDiff["pendingKeys"][number]["kind"];
  readonly id: string;
  readonly pairs: readonly PairName[];
  readonly of: { readonly sae: SaeId | null; readonly node?: NodeId };
}

/** Calls left to pools, and whether all that was asked got an answer. */
interface Budget {
  calls: number;
  complete: boolean;
}

type Losses = Pick<NetworkDiff, "pendingKeys" | "unusedMaterial" | "complete">;

/** At most LIMITS.poolCallsPerDiff calls to pools: `complete` is false when that was too few. */
export async function lossesOf(view: NetworkView, after: NetworkDocument, pools: Pools): Promise<Losses> {
  const budget: Budget = { calls: LIMITS.poolCallsPerDiff, complete: true };
  const unusedMaterial = await unusedAt(view, after, pools, budget);
  const pendingKeys = await pendingAt(view, after, pools, budget);
  return { pendingKeys, unusedMaterial, complete: budget.complete };
}

/** For each SAE, node and link removed or moved; a node's are those of its own pool. Keys of an SAE are counted again under a link that goes too. */
async function pendingAt(
  view: NetworkView,
  after: NetworkDocument,
  pools: Pools,
  budget: Budget,
): Promise<Losses["pendingKeys"]> {
  const shards = maxShardsOf(view);
  const counts: { kind: Question["kind"]; id: string; keys: number }[] = [];
  for (const { kind, id, pairs, of } of questions(view, after)) {
    let keys = 0;
    for (const pair of pairs) {
      for (let shard = 0; shard < shards; shard++) {
        // One after the other: a diff is rare, and may not crowd the pools.
        keys += await countAt(pools, pair, shard, of, budget);
      }
    }
    counts.push({ kind, id, keys });
  }
  return counts;
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
  const removed = removalsBetween(view.document, after);
  const saes = planDrains(view, after, 0).opened.flatMap((drain): Question[] =>
    drain.kind === "sae"
      ? [
          {
            kind: "sae",
            id: drain.sae.id,
            pairs: drain.pairs,
            of: { sae: saeId(drain.sae.id), node: nodeId(drain.sae.node) },
          },
        ]
      : [],
  );
  const everybody = { sae: null };
  return [
    ...saes,
    ...removed.nodes.map(({ id }): Question => ({ kind: "node", id, pairs: [localPair(id)], of: everybody })),
    ...removed.links.map((link): Question => ({ kind: "link", id: link.id, pairs: [pairOfLink(link)], of: everybody })),
  ];
}
