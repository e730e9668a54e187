import fc from "fast-check";
import { expect, test } from "vitest";
import { fullBucket, takeToken } from "./token-bucket.ts";

test("never gives more than burst + rate x time, and always says how long to wait", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 }),
      (ratePerS, burst, stepsMs) => {
        let nowMs = 0;
        let bucket = fullBucket(burst, nowMs);
        let given = 0;
        for (const step of stepsMs) {
          nowMs += step;
          const taken = takeToken(bucket, { ratePerS, burst }, nowMs);
          bucket = taken.bucket;
          if (taken.waitMs === 0) given++;
          else expect(takeToken(bucket, { ratePerS, burst }, nowMs + taken.waitMs).waitMs).toBe(0);
          expect(given).toBeLessThanOrEqual(burst + (ratePerS * nowMs) / 1000 + 1e-6);
        }
      },
    ),
    // 0.08 + 0.92 tokens are a rounding less than one
    { examples: [[20, 1, [0, 4]]] },
  );
});
