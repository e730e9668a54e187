/**
 * Where relayed key lies. The shards of a pair from FIRST_RELAY_SHARD on hold key that came over other nodes, each of one
 * kind: over one path, or in shares over two, three or four node-disjoint ones. So a key ID tells where to look, a pair
 * with a link has both kinds, and what came over a link is never mixed with what others have seen.
 */
import { LIMITS } from "../limits.ts";

/** Of key over one path. */
export const FIRST_RELAY_SHARD = LIMITS.shards;
/** Shares at most; the last number that a key ID has for a shard is 63. */
export const MAX_DISJOINT_PATHS = 4;

/** @param paths 1 to MAX_DISJOINT_PATHS: how many node-disjoint paths the key's shares take */
export const relayShardOf = (paths: number): number => FIRST_RELAY_SHARD + paths - 1;

export const isRelayShard = (shard: number): boolean =>
  Number.isInteger(shard) && shard >= FIRST_RELAY_SHARD && shard < FIRST_RELAY_SHARD + MAX_DISJOINT_PATHS;

/** How many node-disjoint paths the key of a relay shard takes. */
export const disjointPathsOf = (shard: number): number => shard - FIRST_RELAY_SHARD + 1;
