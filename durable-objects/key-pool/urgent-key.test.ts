/** Requests that wait for relayed key together: what each of them wants decides about that one only. */
import { afterEach, expect, test, vi } from "vitest";
import { fault, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { stillOnItsWay } from "./bring-key.ts";
import { UrgentKey } from "./urgent-key.ts";

const TOO_MUCH = fault("link-budget", "relays may take no more");
const LARGE_BYTES = 65_536;
const SMALL_BYTES = 32;
const never = new Promise<never>(() => {});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Links that have so many bytes for relays. */
function linksWith(leftBytes: number) {
  const asked: number[] = [];
  const urgent = new UrgentKey(async (bytes) => {
    asked.push(bytes);
    await Promise.resolve();
    if (bytes > leftBytes) return err(TOO_MUCH);
    leftBytes -= bytes;
    return ok(null);
  });
  const ask = async (bytes: number) => await urgent.bytes(bytes, undefined, Date.now() + LIMITS.relayWaitMs);
  const askAll = async (sizes: readonly number[]) => await Promise.all(sizes.map(ask));
  return { asked, urgent, ask, askAll };
}

const isOk = (outcomes: readonly Result<null, Fault>[]): boolean[] => outcomes.map(({ ok: came }) => came);
const small = (count: number): number[] => Array.from({ length: count }, () => SMALL_BYTES);

test("one that wants more than there is fails none of those who want little, in few calls more", async () => {
  const { asked, askAll } = linksWith(10_000);
  const outcomes = await askAll([...small(40), LARGE_BYTES, ...small(60)]);
  expect(isOk(outcomes)).toEqual([...small(40).map(() => true), false, ...small(60).map(() => true)]);
  expect(outcomes[40]).toEqual(err(TOO_MUCH));
  expect(asked.length).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(101)));
});

test("where there is something for a few, those who want least have it, in few calls", async () => {
  const { asked, askAll } = linksWith(1000);
  const sizes = Array.from({ length: 64 }, (_, i) => 100 * (64 - i));
  const outcomes = await askAll(sizes);
  expect(isOk(outcomes).indexOf(true)).toBe(64 - isOk(outcomes).filter(Boolean).length);
  expect(outcomes.at(-1)).toEqual(ok(null));
  expect(asked.length).toBeLessThanOrEqual(2 + Math.log2(64));
});

test("where there is nothing, all are told so in a bounded number of calls", async () => {
  const { asked, askAll } = linksWith(0);
  expect(isOk(await askAll(small(64)))).not.toContain(true);
  expect(asked).toEqual([64, 32, 16, 8, 4, 2, 1].map((count) => count * SMALL_BYTES));
});

test("what was too much is refused for a while to those who want as much, not to those who want less", async () => {
  const nowMs = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => nowMs);
  const { asked, urgent, ask } = linksWith(1000);
  expect(await ask(LARGE_BYTES)).toEqual(err(TOO_MUCH));
  expect(await ask(SMALL_BYTES)).toEqual(ok(null));
  expect(asked).toEqual([LARGE_BYTES, SMALL_BYTES]);
  expect(urgent.refusal(LARGE_BYTES, undefined)).toEqual(TOO_MUCH);
  expect(urgent.refusal(SMALL_BYTES, undefined)).toBeNull();
});

test("another fault than the links' is everybody's, and asked about once", async () => {
  let calls = 0;
  const urgent = new UrgentKey(async () => await Promise.resolve((calls++, err(fault("no-path", "cut")))));
  const outcomes = await Promise.all(
    [1, 2, 3].map(async (bytes) => await urgent.bytes(bytes, undefined, Date.now() + LIMITS.relayWaitMs)),
  );
  expect(outcomes).toEqual([1, 2, 3].map(() => err(fault("no-path", "cut"))));
  expect(calls).toBe(1);
  expect(urgent.refusal(1, undefined)).toEqual(fault("no-path", "cut"));
});

test("nobody waits beyond the end set", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const urgent = new UrgentKey(async () => await never);
  let told: unknown = "waits";
  void urgent.bytes(SMALL_BYTES, undefined, Date.now() + 1000).then((outcome) => (told = outcome));
  await vi.advanceTimersByTimeAsync(999);
  expect(told).toBe("waits");
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(stillOnItsWay());
});
