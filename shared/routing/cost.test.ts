import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canRelay, linkCost, type LinkQuality, worseOf } from "./cost.ts";
import { COST_STEP } from "./graph.ts";

const quality: fc.Arbitrary<LinkQuality> = fc.record({
  availableBits: fc.oneof(fc.integer({ min: 0, max: 2 ** 35 }), fc.double({ min: -1 })),
  keyRateBps: fc.oneof(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: -1 })),
  qber: fc.option(fc.oneof(fc.double({ min: 0, max: 0.5, noNaN: true }), fc.double())),
});

const cost = (availableBits: number, keyRateBps: number, qber: number | null): number =>
  linkCost("key-aware", { availableBits, keyRateBps, qber });

const having = (availableBits: number) => canRelay({ availableBits, keyRateBps: 1e6, qber: 0 });

describe("what a link costs", () => {
  test("1 by hops, whatever it has", () => {
    fc.assert(fc.property(quality, (one) => linkCost("hops", one) === 1));
  });

  test.each([
    ["nothing of anything", 0, 0, 0.11, 8],
    ["half of each", 2 ** 23, 10_000, 0.055, 4.5],
    ["a QBER that is not known is half of the worst", 2 ** 23, 10_000, null, 4.5],
    ["what no QBER can be is the worst", 2 ** 23, 10_000, -1, 5],
    ["plenty", 2 ** 40, 1e9, 0, 1.0625],
    ["64 KiB, 1 kbit/s, 3 %", 2 ** 19, 1000, 0.03, 6.875],
  ])("by the formula: %s", (_name, available, rate, qber, expected) => {
    expect(cost(available, rate, qber)).toBe(expected);
  });

  test("above 1, 8 at most, and whole steps, whatever is said", () => {
    fc.assert(
      fc.property(quality, (one) => {
        const value = linkCost("key-aware", one);
        expect(value >= 1 && value <= 8 && Number.isInteger(value / COST_STEP)).toBe(true);
      }),
    );
  });

  test("the worse of two never costs less than either, in whichever order they speak", () => {
    const said = fc.record({
      availableBits: fc.integer({ min: 0, max: 2 ** 30 }),
      keyRateBps: fc.integer({ min: 0, max: 1e6 }),
      qber: fc.double({ min: 0, max: 0.5, noNaN: true }),
    });
    fc.assert(
      fc.property(said, said, (a, b) => {
        const worse = worseOf(a, b);
        expect(worse).toEqual(worseOf(b, a));
        const [of, ofA, ofB] = [worse, a, b].map((one) => linkCost("key-aware", one));
        expect(of).toBeGreaterThanOrEqual(Math.max(ofA!, ofB!));
        expect(canRelay(worse)).toBe(canRelay(a) && canRelay(b));
      }),
    );
  });

  test("who does not know the QBER leaves it to the other", () => {
    const known = { availableBits: 9, keyRateBps: 5, qber: 0.02 };
    expect(worseOf(known, { availableBits: 8, keyRateBps: 6, qber: null })).toEqual({ ...known, availableBits: 8 });
    expect(worseOf({ ...known, qber: null }, { ...known, qber: null }).qber).toBeNull();
  });

  test("256 bits are the key of a tag, and leave none to relay", () => {
    expect([0, -1, NaN, 256].map(having)).toEqual([false, false, false, false]);
    expect(having(257)).toBe(true);
  });
});
