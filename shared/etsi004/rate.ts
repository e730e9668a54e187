/**
 * Max_bps of a stream (ETSI GS QKD 004 V2.1.1 clause 5, QOS): a token bucket of bits that holds at least one chunk. What
 * is asked for in one call is given in one, however much it is, and has to be waited off by the next.
 */
import { LIMITS } from "../limits.ts";

export interface RateLimit {
  /** Bits per second, above 0. */
  readonly bps: number;
  readonly burstBits: number;
}

export interface RateBucket {
  /** Below 0: what has been given ahead. */
  readonly bits: number;
  readonly atMs: number;
}

/** @returns null where there is no limit */
export function rateLimit(maxBps: number, chunkBytes: number): RateLimit | null {
  if (maxBps === 0) return null;
  return { bps: maxBps, burstBits: Math.max(chunkBytes * 8, (maxBps * LIMITS.streamBurstMs) / 1000) };
}

/** What rounding may take: who waits as long as it was told finds enough. */
const ROUNDING_BITS = 1e-6;

/** What is in it by now. */
export function thereBits(bucket: RateBucket | null, { bps, burstBits }: RateLimit, nowMs: number): number {
  if (bucket === null) return burstBits;
  return Math.min(burstBits, bucket.bits + (Math.max(0, nowMs - bucket.atMs) * bps) / 1000);
}

/** Takes `bits`. @returns the bucket after it, and milliseconds to wait where there are too few (0: taken) */
export function takeBits(
  bucket: RateBucket | null,
  limit: RateLimit,
  bits: number,
  nowMs: number,
): { readonly bucket: RateBucket; readonly waitMs: number } {
  const there = thereBits(bucket, limit, nowMs);
  const needed = Math.min(bits, limit.burstBits);
  if (there >= needed - ROUNDING_BITS) return { bucket: { bits: there - bits, atMs: nowMs }, waitMs: 0 };
  return { bucket: { bits: there, atMs: nowMs }, waitMs: Math.ceil(((needed - there) / limit.bps) * 1000) };
}

/** Puts back what was taken for chunks that were not given. */
export const putBits = (bucket: RateBucket, bits: number): RateBucket => ({ ...bucket, bits: bucket.bits + bits });
