/** A token bucket: `ratePerS` tokens a second, at most `burst` saved up. */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

export const fullBucket = (burst: number, nowMs: number): TokenBucket => ({ tokens: burst, atMs: nowMs });

/** What rounding may take from a token: who waits as long as it was told finds a whole one. */
const ROUNDING = 1e-9;

/** Takes one token. @returns the bucket after it, and milliseconds to wait where none was left (0: taken) */
export function takeToken(
  bucket: TokenBucket,
  limit: { readonly ratePerS: number; readonly burst: number },
  nowMs: number,
): { readonly bucket: TokenBucket; readonly waitMs: number } {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  const tokens = Math.min(limit.burst, bucket.tokens + (elapsedMs / 1000) * limit.ratePerS);
  if (tokens >= 1 - ROUNDING) return { bucket: { tokens: tokens - 1, atMs: nowMs }, waitMs: 0 };
  return { bucket: { tokens, atMs: nowMs }, waitMs: Math.ceil(((1 - tokens) / limit.ratePerS) * 1000) };
}
