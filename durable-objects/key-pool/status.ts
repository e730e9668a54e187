/** What a pool tells of itself: counts and health figures, nothing of the bits themselves. */
import { sumOfLedger } from "../../shared/keypool/ledger.ts";
import type { PoolStatus, RelayStatus } from "../../shared/keypool/types.ts";
import type { PoolContext } from "./context.ts";
import { floorBytesOf } from "./relay-floor.ts";

/** @param relay undefined for other pools than those of relayed key */
export function statusOf(pool: PoolContext, relay: RelayStatus | undefined, nowMs: number): PoolStatus {
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
    keptForTagsBits: Math.min(ledger.available, 8 * floorBytesOf(ledger, pool.config())),
    ingestedBits: totals.ingested,
    transferredBits: totals.transferred,
    importedBits: totals.imported,
    conserved: totals.ingested + totals.transferred === sumOfLedger(ledger),
    level:
      relay === undefined
        ? levelOf(ledger.available / 8, { lowBytes, highBytes })
        : levelOfRelayed(ledger.available / 8, relay.targetBytes),
    watermarks: { lowBytes, highBytes },
    rates: pool.flow.rates(nowMs),
    health: {
      blocks: totals.blocks,
      quarantinedBlocks: totals.quarantinedBlocks,
      // Relayed key was tested where it came from.
      last: relay === undefined ? (pool.blocks.last()?.health ?? null) : null,
    },
    alarms: pool.standingAlarms.list(),
    ...(relay === undefined ? {} : { relay }),
  };
}

/** Of the key that is kept at hand, below this share it is low. */
const LOW_SHARE = 0.25;

/** As much of it lies here as it is used: the marks of other pools say nothing of that. */
function levelOfRelayed(availableBytes: number, targetBytes: number): PoolStatus["level"] {
  if (availableBytes === 0) return "empty";
  return availableBytes < LOW_SHARE * targetBytes ? "low" : "normal";
}

function levelOf(
  availableBytes: number,
  { lowBytes, highBytes }: NonNullable<PoolStatus["watermarks"]>,
): PoolStatus["level"] {
  if (availableBytes === 0) return "empty";
  if (availableBytes < lowBytes) return "low";
  return availableBytes >= highBytes ? "high" : "normal";
}
