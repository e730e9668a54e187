/** How often each principal may ask a pool: token buckets, of those who have asked of late. */
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { fullBucket, takeToken, type TokenBucket } from "../../shared/keypool/token-bucket.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Policy } from "../../shared/network/document.ts";
import { err, ok, type Result } from "../../shared/result.ts";

export class Buckets {
  readonly #buckets = new Map<string, TokenBucket>();

  /** @returns `rate-limited` where the principal's is empty */
  take(
    principal: string,
    { requests_per_s: ratePerS, burst }: Policy["rate_limit"],
    nowMs: number,
  ): Result<null, Fault> {
    const { bucket, waitMs } = takeToken(
      this.#buckets.get(principal) ?? fullBucket(burst, nowMs),
      { ratePerS, burst },
      nowMs,
    );
    this.#buckets.delete(principal);
    this.#buckets.set(principal, bucket);
    if (this.#buckets.size > LIMITS.rateLimitedPrincipals) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (waitMs === 0) return ok(null);
    const message = `more than ${ratePerS} requests a second`;
    return err({ ...fault("rate-limited", message), retryAfterSeconds: Math.ceil(waitMs / 1000) });
  }
}
