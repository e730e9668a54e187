import fc from "fast-check";
import { expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { putBits, type RateBucket, rateLimit, takeBits } from "./rate.ts";

it("is none where Max_bps is 0", () => expect(rateLimit(0, 32)).toBeNull());

it("gives at least one chunk, however low the rate", () => {
  const limit = rateLimit(1, 32)!;
  expect(takeBits(null, limit, 256, 0).waitMs).toBe(0);
  const { bucket } = takeBits(null, limit, 256, 0);
  expect(takeBits(bucket, limit, 256, 0).waitMs).toBe(256_000);
});

it("never gives more than the rate and the burst, but for one call; and who waits as told is given", () => {
  const call = fc.record({ bits: fc.integer({ min: 8, max: 5000 }), pauseMs: fc.integer({ min: 0, max: 2000 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.array(call, { minLength: 1 }), (maxBps, calls) => {
      const limit = rateLimit(maxBps, 64)!;
      let bucket: RateBucket | null = null;
      let nowMs = 0;
      let given = 0;
      for (const { bits, pauseMs } of calls) {
        nowMs += pauseMs;
        let taken = takeBits(bucket, limit, bits, nowMs);
        if (taken.waitMs > 0) {
          nowMs += taken.waitMs;
          taken = takeBits(taken.bucket, limit, bits, nowMs);
        }
        expect(taken.waitMs).toBe(0);
        bucket = taken.bucket;
        expect(given).toBeLessThanOrEqual(limit.burstBits + (maxBps * nowMs) / 1000 + 1);
        given += bits;
      }
    }),
  );
});

it("takes back what was not given", () => {
  const limit = rateLimit(256, 32)!;
  const { bucket } = takeBits(null, limit, 256, 0);
  expect(takeBits(putBits(bucket, 256), limit, 256, 0).waitMs).toBe(0);
});

it("lets bursts of a tenth of a second through", () => {
  expect(rateLimit(1_000_000, 32)).toEqual({ bps: 1_000_000, burstBits: 1000 * LIMITS.streamBurstMs });
});
