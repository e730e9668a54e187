/** A link as relays see it: how much of its key they may take, and how fast more comes. */
import type { LinkStock } from "../../shared/keypool/link-budget.ts";
import type { PoolContext } from "./context.ts";

export function stockOf(pool: PoolContext): LinkStock {
  const { pool: levels, relay } = pool.config().policy;
  return {
    // What is set aside for hops and not drawn is as good as there.
    availableBits: pool.books.totals.ledger.available + pool.hopRuns.restBits,
    lowBytes: levels.low_bytes,
    highBytes: levels.high_bytes,
    floorBytes: relay.authentication_floor_bytes,
  };
}

/**
 * How fast key comes in; null where nobody knows. A simulated link makes none while it is full: what it could is told.
 */
export function refillBpsOf(pool: PoolContext, nowMs: number): number | null {
  const { source, keyRateBps, policy } = pool.config();
  const measured = pool.flow.rates(nowMs)?.refillBps;
  const isFull = pool.books.totals.ledger.available >= policy.pool.high_bytes * 8;
  if (source === "simulated" && (measured === undefined || isFull)) return keyRateBps;
  return measured ?? null;
}

/** What a node advertises of the link: nothing, where relays get none. Of this shard: shard 0 takes in all blocks. */
export function linkStateOf(
  pool: PoolContext,
  nowMs: number,
): { readonly availableBits: number; readonly keyRateBps: number } {
  const { state, source, policy } = pool.config();
  const carries = state === "active" && source !== "relay" && source !== "local" && policy.relay.enabled;
  if (!carries) return { availableBits: 0, keyRateBps: 0 };
  return { availableBits: pool.linkBudget.spareBits(stockOf(pool), nowMs), keyRateBps: refillBpsOf(pool, nowMs) ?? 0 };
}
