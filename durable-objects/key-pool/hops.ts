/** How far the pool's key has come: over how many links, and so over how many trusted nodes. */
import type { Segment } from "../../shared/keypool/segments.ts";
import { isRelayShard } from "../../shared/keypool/relay-shard.ts";
import type { PoolContext } from "./context.ts";

const LINK_HOPS = 1;
const LOCAL_HOPS = 0;
/** Of key that nobody knows the way of. */
const ANY_HOPS = -1;

/** What of a caller's bound on hops is to be looked at: undefined where none of the pool's key is further than that. */
export function boundOf(pool: PoolContext, maxHops: number | undefined): number | undefined {
  if (maxHops === undefined) return undefined;
  const { source } = pool.config();
  // A shard that exists for imports only has borrowed what it has.
  if (source === "relay") return isRelayShard(pool.shard) ? maxHops : ANY_HOPS;
  return maxHops >= (source === "local" ? LOCAL_HOPS : LINK_HOPS) ? undefined : maxHops;
}

/** Trusted nodes that what lies here came over, at most. */
export const trustedNodesOf = (pool: PoolContext): number =>
  pool.config().source === "relay" ? beyondLink(pool.relayed.hops()?.max) : 0;

/** The same of what these segments spell. */
export function trustedNodesOfKey(pool: PoolContext, segments: readonly Segment[]): number {
  if (pool.config().source !== "relay") return 0;
  const blocks = new Set(segments.map(({ unit }) => pool.books.unit(unit)?.block));
  return Math.max(
    0,
    ...[...blocks].map((block) => beyondLink(block === undefined ? undefined : pool.relayed.hopsOf(block))),
  );
}

const beyondLink = (hops = LINK_HOPS): number => hops - LINK_HOPS;
