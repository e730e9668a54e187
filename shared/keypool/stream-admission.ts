/**
 * What a pool can promise to a new key stream. Each shard promises what it has itself: its siblings' key may come to its
 * help, but is promised to their streams.
 */
import type { QosBounds } from "../etsi004/negotiate.ts";
import type { Rates } from "./rates.ts";
import type { PoolConfig } from "./types.ts";

/** What lies in the pool counts as if it were given out over an hour. */
const STOCK_SECONDS = 3600;

export interface Supplies {
  readonly rates: Rates | null;
  readonly availableBits: number;
  /** Min_bps of the streams that are open. */
  readonly reservedBps: number;
}

export function streamBounds(
  { policy, source, keyRateBps, shards }: Pick<PoolConfig, "policy" | "source" | "keyRateBps" | "shards">,
  { rates, availableBits, reservedBps }: Supplies,
): QosBounds {
  const { min, default: normal, max } = policy.key_size_bits;
  // A simulator's key comes in at one shard, and is used by all.
  const configuredBps = source === "simulated" ? keyRateBps / shards : 0;
  const sustainedBps = Math.max(rates?.refillBps ?? 0, configuredBps) + availableBits / STOCK_SECONDS;
  return {
    minChunkBytes: min / 8,
    defaultChunkBytes: normal / 8,
    maxChunkBytes: max / 8,
    // Within one node key is made when it is asked for.
    unreservedBps: source === "local" ? Infinity : sustainedBps - reservedBps,
  };
}
