/** How many keys a new document would void, were nobody to fetch them: asked of the pools before it is applied. */
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

/**
 * Counts for each SAE, node and link removed or moved; a node's are those of its own pool. Keys of an SAE are counted
 * again under a link that goes too. At most LIMITS.poolCallsPerDiff calls: `complete` is false when that was too few.
 */
export async function pendingKeys(
  view: NetworkView,
  after: NetworkDocument,
  pools: Pools,
): Promise<Pick<NetworkDiff, "pendingKeys" | "complete">> {
  const budget = { calls: LIMITS.poolCallsPerDiff, complete: true };
  const shards = maxShardsOf(view);
  const counts: { kind: Question["kind"]; id: string; keys: number }[] = [];
  for (const { kind, id, pairs, of } of questions(view, after)) {
    let keys = 0;
    for (const pair of pairs) {
      for (let shard = 0; shard < shards; shard++) {
        // One after the other: a diff is rare, and may not crowd the pools.
        // oxlint-disable-next-line no-await-in-loop
        keys += await countAt(pools, pair, shard, of, budget);
      }
    }
    counts.push({ kind, id, keys });
  }
  return { pendingKeys: counts, complete: budget.complete };
}

async function countAt(
  pools: Pools,
  pair: PairName,
  shard: number,
  of: Question["of"],
  budget: { calls: number; complete: boolean },
): Promise<number> {
  let keys = 0;
  let after: number | null = 0;
  while (after !== null) {
    if (budget.calls === 0) {
      budget.complete = false;
      return keys;
    }
    budget.calls -= 1;
    const call: PendingOf = { ...of, after };
    // oxlint-disable-next-line no-await-in-loop -- each step says where the next begins
    const answer: Result<Step, Fault> = await attempt(() => pools(pair, shard).countPending(call));
    if (!answer.ok) {
      budget.complete = false;
      return keys;
    }
    keys += answer.value.keys;
    after = answer.value.next;
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
