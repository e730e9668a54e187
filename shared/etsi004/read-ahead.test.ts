import { expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { AT_REST, called, fetches, type Pace } from "./read-ahead.ts";

/** Calls with these pauses, each of which asks the pool. */
function aheadOf(pausesMs: readonly number[]): number[] {
  let pace: Pace = AT_REST;
  let nowMs = 1000;
  return pausesMs.map((pauseMs) => {
    nowMs += pauseMs;
    const next = fetches(called(pace, nowMs));
    pace = next.pace;
    return next.ahead;
  });
}

it("is for who calls quickly, more each time, and never more than may be", () => {
  expect(aheadOf([0, 1, 1, 1, 1, 1])).toEqual([0, 2, 4, 8, 8, 8]);
  expect(LIMITS.streamReadAhead).toBe(8);
});

it("begins anew after a pause", () => {
  const { streamQuickMs } = LIMITS;
  expect(aheadOf([0, streamQuickMs, streamQuickMs + 1, 1])).toEqual([0, 2, 0, 2]);
});

it("is used up before the pool takes it for had", () => {
  expect((LIMITS.streamReadAhead + 1) * LIMITS.streamQuickMs).toBeLessThan(LIMITS.streamHoldMs);
});
