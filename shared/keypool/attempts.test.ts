import { expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { type Attempts, attemptsAfterFailure, isShort, NO_ATTEMPTS } from "./attempts.ts";

const NO_PATH = { code: "no-path" } as const;

it("pauses for twice as long after each failure, up to half a minute", () => {
  const pauses: number[] = [];
  let attempts: Attempts = NO_ATTEMPTS;
  for (let nowMs = 1000; pauses.length < 10; nowMs = attempts.nextMs) {
    attempts = attemptsAfterFailure(attempts, NO_PATH, nowMs);
    pauses.push(attempts.nextMs - nowMs);
  }
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(attemptsAfterFailure({ failed: 1e6, failingSinceMs: 0, nextMs: 0 }, NO_PATH, 0).nextMs).toBe(30_000);
});

it("pauses no longer than until links have key again", () => {
  const dry = { code: "link-budget", retryAfterSeconds: 2 } as const;
  const failed = (times: number) =>
    attemptsAfterFailure({ failed: times, failingSinceMs: 0, nextMs: 0 }, dry, 0).nextMs;
  expect([0, 1, 2, 3, 4, 20].map(failed)).toEqual([250, 500, 1000, 2000, 2000, 2000]);
  expect(attemptsAfterFailure({ failed: 20, failingSinceMs: 0, nextMs: 0 }, { code: "link-budget" }, 0).nextMs).toBe(
    1000,
  );
});

it("counts as short after a minute of failures, while key is asked for", () => {
  const first = attemptsAfterFailure(NO_ATTEMPTS, NO_PATH, 1000);
  const attempts = attemptsAfterFailure(first, NO_PATH, 50_000);
  const sinceMs = 1000 + LIMITS.relayShortMs;
  expect(isShort(attempts, sinceMs, sinceMs - 1)).toBe(false);
  expect(isShort(attempts, sinceMs, sinceMs)).toBe(true);
  expect(isShort(attempts, 2000, sinceMs + 5000)).toBe(false);
  expect(isShort(NO_ATTEMPTS, sinceMs, sinceMs)).toBe(false);
});
