/** Which pool holds which of the keys asked for. */
import { type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import { type NodeId, pairName, pairOf, type PairName } from "../../shared/ids.ts";
import { batchPrefix, shardOfKeyId } from "../../shared/keypool/key-id.ts";
import { firstId, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import { isRelayShard } from "../../shared/keypool/relay-shard.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Lookup, nodeId } from "../../shared/network/lookup.ts";
import { err, ok, type Result } from "../../shared/result.ts";

/** Keys that are, or may be, in one pool. */
export interface KeyGroup {
  readonly pair: PairName;
  readonly shard: number;
  readonly keyIds: readonly KeyIdRun[];
}

/** By shard; IDs that name none, or one that is neither of relayed key nor below the bound of links, are left out. */
function byKnownShard(keyIds: readonly KeyIdRun[], maxShards: number): Map<number, KeyIdRun[]> {
  const shards = new Map<number, KeyIdRun[]>();
  for (const run of keyIds) {
    const shard = shardOfKeyId(firstId(run));
    if (shard === null || (shard >= maxShards && !isRelayShard(shard))) continue;
    const known = shards.get(shard);
    if (known === undefined) shards.set(shard, [run]);
    else known.push(run);
  }
  return shards;
}

/**
 * By shard; null where one of them is no ID this system could have given out. A random UUID names any shard: pools that
 * do not exist are not woken up for it.
 */
function byShard(keyIds: readonly KeyIdRun[], maxShards: number): Map<number, KeyIdRun[]> | null {
  const shards = byKnownShard(keyIds, maxShards);
  const known = [...shards.values()].reduce((sum, group) => sum + group.length, 0);
  return known === keyIds.length ? shards : null;
}

const groupsIn = (pair: PairName, shards: ReadonlyMap<number, KeyIdRun[]>): KeyGroup[] =>
  [...shards].map(([shard, keyIds]) => ({ pair, shard, keyIds }));

/** Pair by pair, shard by shard: two requests for the same keys meet at the first pool, and only one gets past it. */
const inTakingOrder = (groups: readonly KeyGroup[]): readonly KeyGroup[] =>
  groups.toSorted((a, b) => (a.pair === b.pair ? a.shard - b.shard : a.pair < b.pair ? -1 : 1));

/**
 * Assigns every key to a pool. One pair, as nearly always, needs no question; while an SAE is being moved there are
 * several, and each batch is looked for in one after the other. The order of the groups does not depend on that of the
 * keys.
 * @returns `key-not-found`, or `unauthorised` as soon as one key turns out to be somebody else's
 */
export async function locate(
  lookup: Lookup,
  keyIds: readonly KeyIdRun[],
  pairs: readonly PairName[],
  check: (group: KeyGroup) => Promise<Result<null, Fault>>,
): Promise<Result<readonly KeyGroup[], Fault>> {
  const shards = byShard(keyIds, lookup.maxShards);
  const [only, ...more] = pairs;
  if (shards === null || only === undefined) return err(mandatedFault("key-not-found"));
  if (more.length === 0) return ok(inTakingOrder(groupsIn(only, shards)));

  const found = new Map<string, KeyIdRun[]>();
  const pools = new Map<string, { readonly pair: PairName; readonly shard: number }>();
  const batches = Map.groupBy(keyIds, (run) => batchPrefix(firstId(run)));
  for (const batch of batches.values()) {
    const group = await firstWith(batch, pairs, check);
    if (!group.ok) return group;
    const name = `${group.value.pair}#${group.value.shard}`;
    pools.set(name, group.value);
    found.set(name, [...(found.get(name) ?? []), ...batch]);
  }
  return ok(inTakingOrder([...pools].map(([name, pool]) => ({ ...pool, keyIds: found.get(name) ?? [] }))));
}

async function firstWith(
  keyIds: readonly KeyIdRun[],
  pairs: readonly PairName[],
  check: (group: KeyGroup) => Promise<Result<null, Fault>>,
): Promise<Result<KeyGroup, Fault>> {
  const shard = keyIds[0] === undefined ? null : shardOfKeyId(firstId(keyIds[0]));
  if (shard === null) return err(mandatedFault("key-not-found"));
  let last: Fault = mandatedFault("key-not-found");
  for (const pair of pairs) {
    const group = { pair, shard, keyIds };
    const answer = await check(group);
    if (answer.ok) return ok(group);
    if (answer.error.code !== "key-not-found") return err(answer.error);
    last = answer.error;
  }
  return err(last);
}

/**
 * Other pools of the master's nodes that might hold these keys; at most LIMITS.foreignPoolChecks. A random ID names any
 * shard: only those are asked that a pair of the master's node may have. A key for several slaves is known in the pool
 * that made it, which names its shard: of a link, or of relayed key that the master may share with any node.
 */
export function foreignPools(
  lookup: Lookup,
  masterNodes: readonly NodeId[],
  own: readonly PairName[],
  keyIds: readonly KeyIdRun[],
): readonly KeyGroup[] {
  const groups = new Map<string, KeyGroup>();
  for (const node of masterNodes) {
    const shards = byKnownShard(keyIds, lookup.maxShardsByNode.get(node) ?? 1);
    const relayShards = new Map([...shards].filter(([shard]) => isRelayShard(shard)));
    const near = new Set([node, ...(lookup.neighbours.get(node) ?? [])]);
    for (const other of new Set([...near, ...lookup.nodesById.keys()].map((id) => nodeId(id)))) {
      if (groups.size >= LIMITS.foreignPoolChecks) break;
      const pair = pairName(pairOf(node, other));
      if (own.includes(pair)) continue;
      const held = groupsIn(pair, near.has(other) ? shards : relayShards);
      for (const group of held) groups.set(`${pair}#${group.shard}`, group);
    }
  }
  return [...groups.values()].slice(0, LIMITS.foreignPoolChecks);
}
