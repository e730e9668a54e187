import { expect, test } from "vitest";
import { RoundTrip } from "./round-trip.ts";

/** One ping that takes so long. @returns the shortest after it */
function measure(roundTrip: RoundTrip, atMs: number, rttMs: number): number | null {
  const token = roundTrip.start(atMs, () => {});
  expect(roundTrip.answer(token, atMs + rttMs)).toBe(rttMs);
  return roundTrip.shortestMs;
}

test("a path that became longer is believed, a quarter each period; one that became shorter, at once", () => {
  const roundTrip = new RoundTrip();
  expect(roundTrip.shortestMs).toBeNull();
  expect(measure(roundTrip, 0, 100)).toBe(100);
  const seen = Array.from({ length: 12 }, (_, period) => measure(roundTrip, (period + 1) * 11_000, 1000) ?? 0);
  seen.reduce((before, now) => {
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(1.25 * before);
    return now;
  }, 100);
  expect(seen.at(-1)).toBe(1000);
  expect(measure(roundTrip, 200_000, 5)).toBe(5);
});
