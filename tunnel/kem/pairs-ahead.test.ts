import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KeyPair } from "../../shared/kem/kem.ts";
import { KEM_NAMES, type KemName } from "../../shared/kem/registry.ts";
import { LIMITS } from "../../shared/limits.ts";
import { PairsAhead } from "./pairs-ahead.ts";

const pairOf = (number: number): KeyPair => ({ publicKey: Uint8Array.of(number), secretKey: Uint8Array.of(number) });

/** Pairs are numbered as they are made; those ahead of need are made when the test says so. */
function bench() {
  const made: KeyPair[] = [];
  const make = (): KeyPair => {
    const pair = pairOf(made.length + 1);
    made.push(pair);
    return pair;
  };
  const waiting: { name: KemName; begins: () => void; answered: PromiseWithResolvers<KeyPair> }[] = [];
  const ahead = new PairsAhead({
    now: async () => await Promise.resolve(make()),
    ahead: async (name, begins) => {
      const answered = Promise.withResolvers<KeyPair>();
      waiting.push({ name, begins, answered });
      return await answered.promise;
    },
  });
  const finish = async (): Promise<void> => {
    const job = waiting.shift()!;
    job.begins();
    job.answered.resolve(make());
    await settled();
  };
  const take = async (name: KemName): Promise<number> => (await ahead.take(name)).publicKey[0]!;
  return { ahead, made, waiting, finish, take };
}

/** Until nothing is left to do but wait for the bench. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

const NAME = "Classic-McEliece-348864";

describe("key pairs made ahead", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => vi.useRealTimers());

  it("makes the first when it is asked for, and then some more", async () => {
    const { waiting, finish, take } = bench();
    expect(waiting).toHaveLength(0);
    expect(await take(NAME)).toBe(1);
    for (let i = 0; i < LIMITS.kemPairsAheadEach; i++) await finish();
    expect(waiting).toHaveLength(0);
    expect(await take(NAME)).toBe(2);
    expect(await take(NAME)).toBe(3);
    // It never gives one twice.
    expect(await take(NAME)).toBe(4);
  });

  it("waits for the one that is being made, but not for one that has not begun", async () => {
    const { waiting, take } = bench();
    expect(await take(NAME)).toBe(1);
    expect(await take(NAME)).toBe(2);
    const [job] = waiting;
    job!.begins();
    const third = take(NAME);
    expect(await take(NAME)).toBe(3);
    job!.answered.resolve(pairOf(99));
    expect(await third).toBe(99);
  });

  it("makes one for whoever waited for one that failed", async () => {
    const { waiting, take } = bench();
    await take(NAME);
    const [job] = waiting;
    job!.begins();
    const second = take(NAME);
    job!.answered.reject(new Error("broken"));
    expect(await second).toBe(2);
  });

  it("wipes what gets old, and makes no more of it", async () => {
    const { made, waiting, finish, take } = bench();
    await take(NAME);
    await finish();
    vi.advanceTimersByTime(LIMITS.kemPairAheadMs / 2);
    await finish();
    vi.advanceTimersByTime(LIMITS.kemPairAheadMs / 2);
    expect(made.map(({ secretKey }) => secretKey[0])).toEqual([1, 0, 3]);
    vi.advanceTimersByTime(LIMITS.kemPairAheadMs / 2);
    expect(made.map(({ secretKey }) => secretKey[0])).toEqual([1, 0, 0]);
    expect(waiting).toHaveLength(0);
  });

  it("keeps no more than so many in all: the oldest goes", async () => {
    const { made, finish, take } = bench();
    const names = KEM_NAMES.slice(0, LIMITS.kemPairsAhead / LIMITS.kemPairsAheadEach + 1);
    const taken: number[] = [];
    for (const name of names) {
      taken.push(await take(name));
      for (let i = 0; i < LIMITS.kemPairsAheadEach; i++) await finish();
    }
    const kept = made.filter(({ publicKey, secretKey }) => secretKey[0] !== 0 && !taken.includes(publicKey[0]!));
    expect(kept).toHaveLength(LIMITS.kemPairsAhead);
    expect(kept[0]!.publicKey[0]).toBe(5);
  });

  it("wipes all at the end, and what is finished after it", async () => {
    const { ahead, made, waiting, finish, take } = bench();
    await take(NAME);
    await finish();
    ahead.close();
    expect(made[1]!.secretKey[0]).toBe(0);
    await finish();
    expect(made[2]!.secretKey[0]).toBe(0);
    expect(waiting).toHaveLength(0);
  });
});
