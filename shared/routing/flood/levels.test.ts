import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import type { LinkId, NodeId, SaeId } from "../../ids.ts";
import { changeOf, quantise, settle } from "./levels.ts";
import { fitted } from "./own.ts";
import { linkState } from "./test-network.ts";
import { readAdvertisement, sizeBytes, textOfAdvertisement } from "./wire.ts";

const peer = "n-2" as NodeId;
const level = fc.integer({ min: 0, max: 2 ** 50 });

test("a level is told in steps, never as more than it is, and nothing as nothing", () => {
  expect([0, 1, 7, 8, 9, 10, 1000, 1023, 1024].map(quantise)).toEqual([0, 1, 7, 8, 8, 10, 896, 896, 1024]);
  expect(quantise(2 ** 49 - 1)).toBe(7 * 2 ** 46);
  fc.assert(
    fc.property(level, (bits) => {
      expect(quantise(bits)).toBeLessThanOrEqual(bits);
      expect(quantise(bits)).toBeGreaterThanOrEqual(bits * 0.8);
      expect(quantise(quantise(bits))).toBe(quantise(bits));
    }),
  );
});

test("what was told stands while the real level is near, and no longer", () => {
  fc.assert(
    fc.property(level, level, (before, now) => {
      const told = settle(null, linkState("l", peer, before));
      const next = settle(told, linkState("l", peer, now));
      // Not further off than half as much again.
      expect(next.availableBits === 0).toBe(now === 0);
      expect(now).toBeLessThanOrEqual(next.availableBits * 1.5 + 1);
      expect(now).toBeGreaterThanOrEqual(next.availableBits * 0.75);
      // Back where it was nothing is told anew.
      expect(settle(next, linkState("l", peer, now))).toEqual(next);
    }),
  );
  const told = settle(null, linkState("l", peer, 1024));
  for (const bits of [800, 1024, 1500]) expect(settle(told, linkState("l", peer, bits))).toEqual(told);
  expect(settle({ ...told, qber: 0.03 }, { ...told, qber: 0.0321 }).qber).toBe(0.03);
  expect(settle({ ...told, qber: 0.03 }, { ...told, qber: 0.0412 }).qber).toBe(0.041);
});

const stateOf = (...bits: number[]) => ({ links: bits.map((b, i) => linkState(`l-${i}`, peer, b)), saes: [] });

test("links that come, go or run dry are told sooner than levels", () => {
  expect(changeOf(stateOf(64), stateOf(64))).toBe("none");
  expect(changeOf(stateOf(64), stateOf(128))).toBe("level");
  expect(changeOf(stateOf(0), stateOf(128))).toBe("level");
  expect(changeOf(stateOf(64, 64), stateOf(128, 0))).toBe("set");
  expect(changeOf(stateOf(64), stateOf(64, 64))).toBe("set");
  expect(changeOf(stateOf(64), { ...stateOf(64), saes: ["a" as SaeId] })).toBe("set");
});

test("what a node says of itself fits an advertisement, whatever it has", () => {
  const links = Array.from({ length: 400 }, (_, i) => linkState(`l-${String(i).padStart(58, "0")}`, peer));
  const saes = Array.from({ length: 6000 }, (_, i) => `${"\u{1f511}".repeat(10)}${i}` as SaeId);
  const { state, isWhole } = fitted({ links: [...links, ...links].toReversed(), saes });
  expect(isWhole).toBe(false);
  expect(state.links.map(({ link }) => link)).toEqual(links.slice(0, LIMITS.floodLinks).map(({ link }) => link));
  expect(state.saes.length).toBeGreaterThan(100);
  const signature = "A".repeat(LIMITS.floodSignatureChars);
  const advertisement = { node: "n-1" as NodeId, sequence: 2 ** 52, ageMs: 0, ...state, signature };
  expect(readAdvertisement(advertisement)).toEqual(advertisement);
  expect(sizeBytes(textOfAdvertisement(advertisement), signature)).toBeLessThanOrEqual(LIMITS.floodAdvertisementBytes);
  const [first] = links;
  const few = fitted({ links: [{ ...linkState("l", peer), link: "l" as LinkId }], saes: saes.slice(0, 3) });
  expect(few.isWhole && first !== undefined).toBe(true);
});
