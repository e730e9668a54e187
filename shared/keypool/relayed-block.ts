/** A block of relayed key: the ways that its shares came, and what is wrong with a call that brings one. */
import { type Pair, pairName } from "../ids.ts";
import { blockOfRelay } from "../relay/block.ts";
import { areAllDisjoint, SHARED_BETWEEN } from "../relay/disjoint.ts";
import { flawOfKeyBytes, flawOfPath } from "../relay/terms.ts";
import type { RelayedBy } from "../relay/types.ts";
import { disjointPathsOf, isRelayShard } from "./relay-shard.ts";
import type { IngestCall, PoolConfig } from "./types.ts";

/** Links of the longest of its paths. */
export const hopsOf = ({ paths }: Pick<RelayedBy, "paths">): number =>
  Math.max(...paths.map((path) => path.length - 1));

/** @returns what is wrong; null: nothing. A pool of relayed key takes in nothing else, and no other pool takes it in. */
export function flawOfIngest(
  { block, node, bytes, relayed }: Pick<IngestCall, "block" | "node" | "bytes" | "relayed">,
  source: PoolConfig["source"],
  { pair, shard }: { readonly pair: Pair; readonly shard: number },
): string | null {
  if (relayed === undefined) return source === "relay" ? "this pool takes relayed key alone" : null;
  if (source !== "relay" || !isRelayShard(shard)) return "this pool takes no relayed key";
  if (block !== blockOfRelay(relayed.relay)) return "the block is not named by its relay";
  if (node !== pair.low && node !== pair.high) return "the node is none of this pool's";
  return flawOfKeyBytes(bytes.length) ?? flawOfPaths(relayed.paths, pair, disjointPathsOf(shard));
}

function flawOfPaths(paths: RelayedBy["paths"], pair: Pair, count: number): string | null {
  if (paths.length !== count) return `this pool's key comes over ${count} paths`;
  for (const path of paths) {
    const flaw = flawOfPath(path, pairName(pair));
    if (flaw !== null) return flaw;
    if (path[0] !== paths[0]?.[0]) return "the paths of a key begin at one node";
  }
  return areAllDisjoint(paths) ? null : SHARED_BETWEEN;
}
