import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { RETRY } from "../../shared/retry.ts";
import { answer, FakeEdge } from "../../test/support/fake-edge.ts";
import { Backpressure } from "./pressure.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();

/** An edge that answers so, and how often it is asked by a feed that wants to read at each of those times. */
async function askedAt(retryAfterSeconds: number | null, ...timesMs: number[]): Promise<number[]> {
  const edge = new FakeEdge();
  let asked = 0;
  edge.intercept = () => {
    asked++;
    return { ...answer(429, { message: "slower" }), retryAfterSeconds };
  };
  const pressure = new Backpressure(edge.send, "l", "available", () => 0);
  const counts: number[] = [];
  let nowMs = 0;
  for (const atMs of timesMs) {
    vi.advanceTimersByTime(atMs - nowMs);
    nowMs = atMs;
    await pressure.passed(signal);
    counts.push(asked);
  }
  return counts;
}

test("the edge is asked once in a while", async () => {
  const { feedPressureMs } = LIMITS;
  expect(await askedAt(null, 0, feedPressureMs - 1, feedPressureMs)).toEqual([1, 1, 2]);
});

test("not before the time that it asks for, within bounds; the device is read meanwhile", async () => {
  expect(await askedAt(20, 0, 19_999, 20_000)).toEqual([1, 1, 2]);
  expect(await askedAt(999_999, 0, RETRY.maxDelayMs - 1, RETRY.maxDelayMs)).toEqual([1, 1, 2]);
});
