import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ObjectsEnv } from "../env.ts";
import { arm, Planner, TIMER_MS } from "./planner.ts";

const NOW_MS = Date.UTC(2026, 10, 22);
const RECOVERY_MS = 30_000;

/** An object's alarm as the platform keeps it. */
function bench() {
  let alarmMs: number | null = null;
  const storage = {
    getAlarm: async () => await Promise.resolve(alarmMs),
    setAlarm: async (at: number | Date) => {
      alarmMs = Number(at);
      await Promise.resolve();
    },
    deleteAlarm: async () => {
      alarmMs = null;
      await Promise.resolve();
    },
  };
  const dues = new Set<number>();
  const runs: number[] = [];
  const object = {
    storage,
    dues,
    runs,
    alarmMs: () => alarmMs,
    /** What the next run does. */
    run: async (): Promise<boolean> => await Promise.resolve(true),
  };
  const planner = new Planner({
    ctx: { storage, waitUntil: () => {} },
    name: "test",
    recoveryMs: RECOVERY_MS,
    dueMs: () => Math.min(...dues),
    work: async () => {
      runs.push(Date.now() - NOW_MS);
      const isDone = await object.run();
      for (const due of dues) if (isDone && due <= Date.now()) dues.delete(due);
      return isDone;
    },
  });
  return { ...object, object, planner };
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a moment that is no number is a defect, and no timer", () => {
  const { dues, planner } = bench();
  dues.add(Number.NaN);
  expect(() => planner.plan()).toThrow("test: when something is due is no number");
  expect(vi.getTimerCount()).toBe(0);
});

describe("an alarm", () => {
  test("is brought forward, never put off, but by its own end", async () => {
    const { storage, alarmMs } = bench();
    expect(await arm(storage, 1000)).toBe(1000);
    expect(await arm(storage, 2000)).toBe(1000);
    expect(await arm(storage, 500)).toBe(500);
    expect(await arm(storage, Infinity)).toBe(500);
    expect(alarmMs()).toBe(500);
    expect(await arm(storage, 2000, true)).toBe(2000);
    expect(alarmMs()).toBe(2000);
    expect(await arm(storage, Infinity, true)).toBe(Infinity);
    expect(alarmMs()).toBe(null);
  });

  test("is one that the platform takes", async () => {
    vi.useRealTimers();
    const id = (env as unknown as ObjectsEnv).KMS_PEER.getByName(`planner-${crypto.randomUUID()}`);
    await runInDurableObject(id as never, async (_: unknown, { storage }: DurableObjectState) => {
      const dueMs = Date.now() + 3_600_000;
      expect(await arm(storage, dueMs)).toBe(dueMs);
      expect(await storage.getAlarm()).toBe(dueMs);
      await arm(storage, Infinity, true);
      expect(await storage.getAlarm()).toBe(null);
    });
  });
});

describe("a planner", () => {
  test("plans nothing where nothing is due", async () => {
    const { planner, alarmMs, runs } = bench();
    planner.plan();
    await vi.runAllTimersAsync();
    expect([alarmMs(), runs]).toEqual([null, []]);
  });

  test("leaves what is due late to the alarm", async () => {
    const { planner, alarmMs, runs, dues } = bench();
    dues.add(NOW_MS + TIMER_MS + 1);
    planner.plan();
    await vi.runAllTimersAsync();
    expect([alarmMs(), runs]).toEqual([NOW_MS + TIMER_MS + 1, []]);
  });

  test("does what is due soon by a timer, and by an alarm should the timer be lost", async () => {
    const { planner, alarmMs, runs, dues } = bench();
    dues.add(NOW_MS + 300);
    planner.plan();
    await vi.advanceTimersByTimeAsync(0);
    expect(alarmMs()).toBe(NOW_MS + RECOVERY_MS);
    await vi.advanceTimersByTimeAsync(1000);
    expect(runs).toEqual([300]);
  });

  test("brings its timer forward, and plans anew after each run", async () => {
    const { planner, runs, dues } = bench();
    for (const dueMs of [4000, 2000, 3000]) {
      dues.add(NOW_MS + dueMs);
      planner.plan();
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toEqual([2000, 3000, 4000]);
  });

  test("begins no run by the timer while one of the timer goes on", async () => {
    const { planner, object, runs, dues } = bench();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    object.run = async () => await promise;
    dues.add(NOW_MS);
    planner.plan();
    await vi.advanceTimersByTimeAsync(10);
    planner.plan();
    await vi.advanceTimersByTimeAsync(10);
    expect(runs).toEqual([0]);
    dues.add(NOW_MS + 50);
    resolve(true);
    await vi.advanceTimersByTimeAsync(100);
    expect(runs).toEqual([0, 50]);
  });

  test("leaves what could not be done to the recovery alarm, and to who plans next", async () => {
    const { planner, object, alarmMs, runs, dues } = bench();
    object.run = async () => await Promise.resolve(false);
    dues.add(NOW_MS);
    planner.plan();
    await vi.advanceTimersByTimeAsync(5000);
    expect([runs, alarmMs()]).toEqual([[0], NOW_MS + RECOVERY_MS]);
    object.run = async () => await Promise.resolve(true);
    planner.plan();
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toEqual([0, 5000]);
  });

  test("after a run that failed waits before the next", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const { planner, object, runs, dues } = bench();
    object.run = async () => await Promise.reject(new Error("of the test"));
    dues.add(NOW_MS);
    planner.plan();
    await vi.advanceTimersByTimeAsync(2500);
    expect(runs).toEqual([0, 1000, 2000]);
    expect(JSON.parse(logged.mock.calls[0]?.[0] as string)).toEqual({
      at: expect.any(String),
      level: "error",
      event: "failed",
      reason: "test",
      error: "of the test",
    });
    logged.mockRestore();
  });

  test("an alarm's run first arms the one that recovers it, and takes it back when all is done", async () => {
    const { planner, object, alarmMs } = bench();
    const armed: (number | null)[] = [];
    object.run = async () => {
      armed.push(alarmMs());
      return await Promise.resolve(true);
    };
    await planner.alarm();
    expect([armed, alarmMs()]).toEqual([[NOW_MS + RECOVERY_MS], null]);
  });

  test("an alarm's run leaves the next one where nothing could be done", async () => {
    const { planner, object, alarmMs } = bench();
    object.run = async () => await Promise.resolve(false);
    await planner.alarm();
    expect(alarmMs()).toBe(NOW_MS + RECOVERY_MS);
  });

  test("an alarm's run leaves the next one while the timer's goes on", async () => {
    const { planner, object, alarmMs, dues } = bench();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    object.run = async () => await promise;
    dues.add(NOW_MS);
    planner.plan();
    await vi.advanceTimersByTimeAsync(0);
    await planner.alarm(async () => await Promise.resolve(true));
    expect(alarmMs()).toBe(NOW_MS + RECOVERY_MS);
    resolve(true);
  });

  test("an alarm's run does what a timer was set for, and plans what is still to come", async () => {
    const { planner, alarmMs, runs, dues } = bench();
    dues.add(NOW_MS + 1000);
    planner.plan();
    dues.delete(NOW_MS + 1000);
    await planner.alarm();
    expect(alarmMs()).toBe(null);
    dues.add(NOW_MS + 2000).add(NOW_MS + 10_000);
    await planner.alarm();
    expect(alarmMs()).toBe(NOW_MS + RECOVERY_MS);
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toEqual([0, 0, 2000]);
    await planner.alarm();
    expect(alarmMs()).toBe(NOW_MS + RECOVERY_MS + 5000);
  });

  test("an alarm's run that fails leaves the next one, and is told of", async () => {
    const { planner, alarmMs } = bench();
    await expect(planner.alarm(async () => await Promise.reject(new Error("of the test")))).rejects.toThrow(
      "of the test",
    );
    expect(alarmMs()).toBe(NOW_MS + RECOVERY_MS);
  });
});
