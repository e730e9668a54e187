import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { median, quantile, rounded, summarise } from "./statistics.ts";

const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });

describe("quantile", () => {
  test("is the least value that enough values do not exceed", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
        const sorted = Float64Array.from(list).sort();
        const value = quantile(sorted, percent / 100);
        const needed = (percent * list.length) / 100;
        expect(list.filter((other) => other <= value).length).toBeGreaterThanOrEqual(needed);
        expect(list.filter((other) => other < value).length).toBeLessThan(needed);
      }),
    );
  });

  test("known cases", () => {
    const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0.5, 0.99, 1].map((p) => quantile(hundred, p))).toEqual([50, 99, 100]);
    expect(() => quantile(new Float64Array(), 0.5)).toThrow("no values");
  });
});

describe("median", () => {
  test("does not depend on the order and lies within", () => {
    fc.assert(
      fc.property(values, (list) => {
        expect(median(list)).toBe(median(list.toReversed()));
        expect(median(list)).toBeGreaterThanOrEqual(Math.min(...list));
        expect(median(list)).toBeLessThanOrEqual(Math.max(...list));
      }),
    );
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

test("summaries and rounding", () => {
  expect(summarise([5, 1, 3])).toEqual({ count: 3, p50Ms: 3, p99Ms: 5 });
  expect([0.28351, 1396.4, 38_912].map(rounded)).toEqual([0.284, 1400, 38_900]);
});
