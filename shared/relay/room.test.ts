import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { Room } from "./room.ts";

const HALF = LIMITS.relayBegunBytes / 2;

/** Relays that go on until they are told to end; and time that passes when it is told to. */
function rig() {
  const ends: (() => void)[] = [];
  const rings: (() => void)[] = [];
  const room = new Room(() => {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    rings.push(resolve);
    return { over, cancel: () => {} };
  });
  const begun: string[] = [];
  const relay = async (name: string, bytes: number, isUrgent: boolean) =>
    await room.within({ bytes, isUrgent }, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => {
        ends.push(resolve);
      });
      return name;
    });
  return { begun, relay, end: () => ends.shift()?.(), ring: () => rings.forEach((ring) => ring()) };
}
/** All that can go on now has gone on. */
const settled = async () =>
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });

describe("room for relays", () => {
  test("what is for later waits for its turn, in order", async () => {
    const { begun, relay, end } = rig();
    const relays = [relay("a", HALF, false), relay("b", HALF, false), relay("c", HALF, false)];
    for (const expected of [["a"], ["a", "b"], ["a", "b", "c"]]) {
      await settled();
      expect(begun).toEqual(expected);
      end();
    }
    expect(await Promise.all(relays)).toEqual(["a", "b", "c"]);
  });

  test("and leaves half to who does not wait, until there is no more", async () => {
    const { begun, relay, end } = rig();
    const later = [relay("a", HALF, false), relay("b", 1, false)];
    const urgent = relay("u", HALF, true);
    expect(await relay("v", 1, true)).toBeUndefined();
    await settled();
    expect(begun.toSorted()).toEqual(["a", "u"]);
    for (let i = 0; i < 3; i++) {
      end();
      await settled();
    }
    expect(await Promise.all([...later, urgent])).toEqual(["a", "b", "u"]);
  });

  test("a turn that does not come is given up, and nothing of it is left", async () => {
    const { begun, relay, end, ring } = rig();
    const first = relay("a", HALF, false);
    const second = relay("b", 1, false);
    await settled();
    ring();
    expect(await second).toBeUndefined();
    end();
    expect(await first).toBe("a");
    const third = relay("c", HALF, false);
    await settled();
    expect(begun).toEqual(["a", "c"]);
    end();
    expect(await third).toBe("c");
  });

  test("one that fails makes room as well", async () => {
    const room = new Room(() => ({ over: new Promise(() => {}), cancel: () => {} }));
    for (const isUrgent of [false, true, false]) {
      const failing = room.within({ bytes: HALF, isUrgent }, async () => await Promise.reject(new Error("no")));
      await expect(failing).rejects.toThrow("no");
    }
    const whole = { bytes: LIMITS.relayBegunBytes, isUrgent: true };
    expect(await room.within(whole, async () => await Promise.resolve("u"))).toBe("u");
  });

  test("what never fits is refused", async () => {
    const { relay } = rig();
    expect(await relay("a", HALF + 1, false)).toBeUndefined();
    expect(await relay("u", LIMITS.relayBegunBytes + 1, true)).toBeUndefined();
  });
});
