/**
 * Quotas of relayed key are of a pair, whichever of its relay shards gives the keys. One of them counts for all: before
 * another gives a limited principal anything it claims it there. Each shard stays the only one to know for sure what it
 * has given; the counting one keeps what the others told last, in memory. So a lost message or a crash makes it think
 * that more was given than was, never less, and another look puts that right. Types, and the sum.
 */
import type { SaeId } from "../ids.ts";
import { dayOf, keysToday, type QuotaRefusal, type Usage, type Wish } from "./quota.ts";
import { FIRST_RELAY_SHARD, MAX_DISJOINT_PATHS, relayShardOf } from "./relay-shard.ts";
import type { PoolResult } from "./types.ts";

export const COUNTING_SHARD = FIRST_RELAY_SHARD;
export const CLAIMING_SHARDS: readonly number[] = Array.from({ length: MAX_DISJOINT_PATHS - 1 }, (_, i) =>
  relayShardOf(i + 2),
);

/** What one shard says of one principal. */
export interface HeldUsage {
  /** Grows with all that the shard says: older words count no more. */
  readonly version: number;
  /** What it has given, and what it may still give by claims that were granted. */
  readonly usage: Usage;
}

export interface QuotaClaim {
  readonly configVersion: number;
  /** Who claims. */
  readonly shard: number;
  readonly master: SaeId;
  /** The wish is not among it. */
  readonly held: HeldUsage;
  readonly wish: Wish;
  /** As `refusalOf` takes it, of the shard that claims. */
  readonly materialBits: number;
}

export type ClaimAnswer =
  | { readonly outcome: "granted" }
  | { readonly outcome: "refused"; readonly refusal: QuotaRefusal }
  /** The counting shard knows of a later word of this shard's than that. */
  | { readonly outcome: "outdated"; readonly version: number };

/** What relay shards of a pair ask of each other. */
export interface QuotaRpc {
  /** Of the counting shard. */
  claimQuota(claim: QuotaClaim): PoolResult<ClaimAnswer>;
  /** Of the others. */
  heldUsage(call: { readonly configVersion: number; readonly master: SaeId }): PoolResult<HeldUsage>;
}

/** Of several shards, on the day that it is. */
export const sumOfUsage = (usages: readonly Usage[], nowMs: number): Usage => ({
  day: dayOf(nowMs),
  keysToday: usages.reduce((sum, usage) => sum + keysToday(usage, nowMs), 0),
  pendingBits: usages.reduce((sum, { pendingBits }) => sum + pendingBits, 0),
});
