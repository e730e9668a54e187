/** What a pool tells of itself: counts and health figures, nothing of the bits themselves. */
import { sumOfLedger } from "../../shared/keypool/ledger.ts";
import type { PoolStatus } from "../../shared/keypool/types.ts";
import type { PoolContext } from "./context.ts";

export function statusOf(pool: PoolContext, nowMs: number): PoolStatus {
  const { pair, link, state, source, policy } = pool.config();
  const { ledger, ...totals } = pool.books.totals;
  const { low_bytes: lowBytes, high_bytes: highBytes } = policy.pool;
  return {
    pair,
    shard: pool.shard,
    link,
    state,
    source,
    simulated: totals.simulated > 0,
    custody: "edge",
    ledgerBits: ledger,
    ingestedBits: totals.ingested,
    transferredBits: totals.transferred,
    importedBits: totals.imported,
    conserved: totals.ingested + totals.transferred === sumOfLedger(ledger),
    level: levelOf(ledger.available / 8, { lowBytes, highBytes }),
    watermarks: { lowBytes, highBytes },
    rates: pool.flow.rates(nowMs),
    health: {
      blocks: totals.blocks,
      quarantinedBlocks: totals.quarantinedBlocks,
      last: pool.blocks.last()?.health ?? null,
    },
    alarms: pool.standingAlarms.list(),
  };
}

function levelOf(
  availableBytes: number,
  { lowBytes, highBytes }: NonNullable<PoolStatus["watermarks"]>,
): PoolStatus["level"] {
  if (availableBytes === 0) return "empty";
  if (availableBytes < lowBytes) return "low";
  return availableBytes >= highBytes ? "high" : "normal";
}
