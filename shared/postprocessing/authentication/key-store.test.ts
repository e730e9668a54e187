import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import { AuthKeyStore, type Slot, slotsOf, type StoredKeys } from "./key-store.ts";
import { BLOCK_KEY_BYTES } from "./wegman-carter.ts";

const nowhere = (): void => {};
/** Slots whose keys tell where they are from. */
const grown = (block: number, count: number): Slot[] =>
  Array.from({ length: count }, (_, index) => {
    const keys = new Uint8Array(BLOCK_KEY_BYTES);
    new DataView(keys.buffer).setUint32(0, block);
    new DataView(keys.buffer).setUint32(4, index);
    return { block, index, keys };
  });

const holding = (...slots: Slot[]): AuthKeyStore => {
  const store = new AuthKeyStore();
  expect(store.add(slots).ok).toBe(true);
  return store;
};

describe("slots", () => {
  test("are cut from key, a rest left over", () => {
    const slots = slotsOf(0, new Uint8Array(3 * BLOCK_KEY_BYTES + 5).fill(7));
    expect(slots.map(({ block, index, keys }) => [block, index, keys.length])).toEqual([
      [0, 0, BLOCK_KEY_BYTES],
      [0, 1, BLOCK_KEY_BYTES],
      [0, 2, BLOCK_KEY_BYTES],
    ]);
  });

  test("are given oldest first, or by name", () => {
    const store = holding(...grown(5, 1), ...grown(2, 2));
    expect(store.take(nowhere)).toMatchObject({ ok: true, value: { block: 2, index: 0 } });
    expect(store.take(nowhere, { block: 5, index: 0 })).toMatchObject({ ok: true, value: { block: 5 } });
    expect(store.take(nowhere)).toMatchObject({ ok: true, value: { block: 2, index: 1 } });
    expect(store.take(nowhere)).toEqual({ ok: false, error: "no-authentication-key" });
  });

  test("never come back once taken, nor twice into the store", () => {
    const store = holding(...grown(1, 1));
    expect(store.add(grown(1, 1))).toEqual({ ok: false, error: "slot-known" });
    store.take(nowhere);
    expect(store.add(grown(1, 1))).toEqual({ ok: false, error: "slot-known" });
    expect(store.add([...grown(2, 1), ...grown(2, 1)])).toEqual({ ok: false, error: "slot-known" });
    expect(store.size).toBe(0);
  });

  test("never come back even when their names have been forgotten", () => {
    const store = new AuthKeyStore();
    for (let block = 1; block <= LIMITS.bb84SpentSlots + 10; block++) {
      expect(store.add(grown(block, 1)).ok).toBe(true);
      expect(store.take(nowhere).ok).toBe(true);
    }
    expect(store.stored().spent).toHaveLength(LIMITS.bb84SpentSlots);
    for (const block of [1, 10, 11, LIMITS.bb84SpentSlots + 10]) {
      expect(store.add(grown(block, 1))).toEqual({ ok: false, error: "slot-known" });
    }
  });

  test("are bounded in number", () => {
    const store = holding(...grown(1, LIMITS.bb84AuthenticationSlots));
    expect(store.add(grown(2, 1))).toEqual({ ok: false, error: "store-full" });
    expect(store.size).toBe(LIMITS.bb84AuthenticationSlots);
  });

  test("a block refills what it took, and more where the store is low", () => {
    const store = holding(...grown(1, 5));
    expect([4, 5, 6, 9, 1000].map((target) => store.refillFor(target))).toEqual([1, 1, 1, 4, LIMITS.bb84RefillSlots]);
  });
});

test("a store that cannot be written down gives nothing, and has lost the slot", () => {
  const store = holding(...grown(1, 1));
  expect(() =>
    store.take(() => {
      throw new Error("disk full");
    }),
  ).toThrow("disk full");
  expect(store.size).toBe(0);
  expect(store.take(nowhere).ok).toBe(false);
});

/** One step of a history: a block takes a slot, releases new ones, or the process dies, maybe within a write. */
const ACTS = ["take", "take, dies before the write", "take, dies after the write", "release", "crash"] as const;

test("no key is used twice, wherever the process dies", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...ACTS), { maxLength: 80 }), (acts) => {
      let disk: StoredKeys = { slots: grown(0, 3), spent: [], closedBlock: -1 };
      let store = new AuthKeyStore(disk);
      let block = 1;
      const used = new Set<string>();
      for (const act of acts) {
        if (act === "crash") store = new AuthKeyStore(disk);
        else if (act === "release") {
          store.add(grown(block++, 1));
          disk = store.stored();
        } else {
          try {
            const slot = store.take((stored) => {
              if (act === "take, dies before the write") throw new Error("died");
              disk = stored;
              if (act === "take, dies after the write") throw new Error("died");
            });
            if (!slot.ok) continue;
            const name = `${slot.value.block}:${slot.value.index}`;
            expect(used.has(name)).toBe(false);
            used.add(name);
          } catch (error) {
            if ((error as Error).message !== "died") throw error;
            store = new AuthKeyStore(disk);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});
