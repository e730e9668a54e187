import fc from "fast-check";
import { expect, test } from "vitest";
import {
  beginningOf,
  FRAME,
  lengthOf,
  nearest,
  runsOf,
  samplesIn,
  scalesOf,
  shiftedSpan,
  ticksTo,
  timeTicks,
  topOf,
  within,
  zoomedSpan,
} from "./plot.ts";

const HOUR = { fromS: 1_000_000, toS: 1_003_600 };

test("a line breaks where a figure is not known, and where samples are missing", () => {
  const points = [
    [0, 1],
    [10, 2],
    [20, null],
    [30, 3],
    [80, 4],
    [90, 5],
  ] as const;
  expect(runsOf(points, 10)).toEqual([
    [
      [0, 1],
      [10, 2],
    ],
    [[30, 3]],
    [
      [80, 4],
      [90, 5],
    ],
  ]);
});

test("of a span one sample more is drawn at either side", () => {
  const points = Array.from({ length: 10 }, (_, n) => [n * 10, n] as const);
  expect(samplesIn(points, { fromS: 25, toS: 55 }).map(([at]) => at)).toEqual([20, 30, 40, 50, 60]);
  expect(samplesIn(points, { fromS: 0, toS: 500 })).toHaveLength(10);
  expect(samplesIn(points, { fromS: 95, toS: 99 })).toEqual([]);
});

test("the nearest sample", () => {
  const points = [
    [0, 1],
    [10, null],
    [20, 3],
  ] as const;
  expect([nearest(points, 4), nearest(points, 6), nearest(points, 900), nearest([], 5)]).toEqual([
    points[0],
    points[1],
    points[2],
    null,
  ]);
});

const samples = (...values: readonly (number | null)[]) => values.map((value, n) => [n * 10, value] as const);

test("a scale holds all there is, but for a short peak that would flatten the rest", () => {
  const usual = Array.from({ length: 12 }, (_, n) => 90 + n);
  expect(topOf([samples(null, 3, 5), samples(1)])).toEqual({ top: 5, peak: null });
  expect(topOf([samples(...usual), samples(...usual, 400)])).toEqual({ top: 400, peak: null });
  expect(topOf([samples(4000, 9000, 7000, ...usual), samples(150)])).toEqual({ top: 150, peak: 9000 });
  // Not short any more, or there is nothing besides.
  expect(topOf([samples(...usual.slice(0, 8), ...usual.map((value) => 100 * value))]).peak).toBeNull();
  expect(topOf([samples(4000, ...usual.map(() => 0))])).toEqual({ top: 4000, peak: null });
  expect(topOf([samples(4000, 90, 91)])).toEqual({ top: 4000, peak: null });
  expect([topOf([]), topOf([samples(null)])]).toEqual([
    { top: 0, peak: null },
    { top: 0, peak: null },
  ]);
});

test("what is beyond the upper edge is drawn at it", () => {
  const { y } = scalesOf(HOUR, 400, 100);
  expect([y(100), y(500)]).toEqual([FRAME.top, FRAME.top]);
  expect(y(0)).toBe(FRAME.height - FRAME.bottom);
});

test("where figures begin", () => {
  const series = (points: ReturnType<typeof samples>) => ({ stepS: 10, points });
  expect(beginningOf([series(samples(null, 2)), series(samples(null, null, 2))])).toBe(10);
  expect(beginningOf([series([]), series(samples(null))])).toBeNull();
});

test("spans stay inside what there is, are never shorter than a minute, and keep the moment they are zoomed about", () => {
  const part = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(
      part,
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      ([a, b], by, share) => {
        const span = within(
          { fromS: HOUR.fromS + Math.min(a, b) * 3600, toS: HOUR.fromS + Math.max(a, b) * 3600 + 60 },
          HOUR,
        );
        const aroundS = span.fromS + share * lengthOf(span);
        const next = zoomedSpan(span, HOUR, by, aroundS);
        for (const each of [span, next, shiftedSpan(next, HOUR, 5000), shiftedSpan(next, HOUR, -5000)]) {
          expect(each.fromS).toBeGreaterThanOrEqual(HOUR.fromS - 1e-6);
          expect(each.toS).toBeLessThanOrEqual(HOUR.toS + 1e-6);
          expect(lengthOf(each)).toBeGreaterThanOrEqual(60 - 1e-6);
        }
        expect(aroundS).toBeGreaterThanOrEqual(next.fromS - 1e-6);
        expect(aroundS).toBeLessThanOrEqual(next.toS + 1e-6);
      },
    ),
  );
});

test("ticks begin at 0, have equal round steps and hold the most", () => {
  expect(ticksTo(7.3, 3)).toEqual([0, 2.5, 5, 7.5]);
  expect(ticksTo(0, 3)).toEqual([0, 1]);
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (most) => {
      const ticks = ticksTo(most, 3);
      expect(ticks[0]).toBe(0);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(most * (1 - 1e-6));
      expect(ticks.length).toBeLessThanOrEqual(5);
    }),
  );
});

test("ticks of time are at round times of the reader's clock", () => {
  const half = 5.5 * 3600;
  for (const tick of timeTicks({ fromS: 1_700_000_000, toS: 1_700_086_400 }, 6, half))
    expect((tick + half) % 3600).toBe(0);
  expect(timeTicks(HOUR, 6, 0).length).toBeGreaterThan(2);
});
