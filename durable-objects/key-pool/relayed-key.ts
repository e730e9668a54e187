/** Relayed key comes in by two ways, which do not wait for each other: what requests wait for, and what is kept at hand. */
import { LIMITS } from "../../shared/limits.ts";
import { bringKey, type NodeOf } from "./bring-key.ts";
import type { PoolContext } from "./context.ts";
import { FillAhead } from "./fill-ahead.ts";
import { UrgentKey } from "./urgent-key.ts";

interface RelayReach {
  readonly nodeOf: NodeOf;
  /** Work that no request waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

export function relayedKey(
  pool: PoolContext,
  { nodeOf, background }: RelayReach,
): { readonly ahead: FillAhead; readonly urgent: UrgentKey } {
  const ahead = new FillAhead(pool, {
    bring: async (bytes) => await bringKey(pool, nodeOf, { bytes, isUrgent: false }, LIMITS.relayAheadMs),
    background,
  });
  const urgent = new UrgentKey(async (bytes, maxHops) => {
    const soonBytes = maxHops === undefined ? ahead.soonBytes(Date.now()) : 0;
    const more = soonBytes > bytes ? { upToBytes: soonBytes } : {};
    const wish = { bytes, isUrgent: true, ...more, ...(maxHops === undefined ? {} : { maxHops }) };
    const outcome = await bringKey(pool, nodeOf, wish, LIMITS.relayUrgentMs);
    // What was wanted counts as demand; what a client's own bound leaves no path for is no trouble of the pool's.
    if (!outcome.ok && maxHops === undefined) ahead.used(bytes, Date.now());
    if (outcome.ok || maxHops === undefined) background(ahead.told(outcome));
    return outcome;
  });
  return { ahead, urgent };
}
