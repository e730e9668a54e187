import { describe, expect, test, vi } from "vitest";
import { nodes, NOW_MS, relayId, relayTerms } from "../../test/support/relay-rig.ts";
import { LIMITS } from "../limits.ts";
import { areAllDisjoint } from "./disjoint.ts";
import { Shares } from "./shares.ts";
import { Tombstones } from "./tombstones.ts";
import type { RelayTerms } from "./types.ts";

const PATHS = [nodes("a", "b", "z"), nodes("a", "c", "d", "z"), nodes("a", "z")] as const;
const share = (index: number, given: Partial<RelayTerms> = {}): RelayTerms =>
  relayTerms(PATHS[index] ?? [], { share: [index, 3], bytes: 4, ...given });
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("shares", () => {
  test("in any order make their XOR, and the paths in the order of the shares", () => {
    const shares = new Shares();
    const values = [bytes(1, 2, 3, 4), bytes(16, 32, 48, 64), bytes(255, 0, 255, 0)];
    for (const index of [2, 0]) {
      expect(shares.add(share(index), values[index]!, NOW_MS)).toEqual({ ok: true, value: null });
    }
    expect(shares.bytes).toBe(4);
    const whole = shares.add(share(1), values[1]!, NOW_MS);
    expect(whole).toEqual({ ok: true, value: { key: bytes(238, 34, 204, 68), paths: [...PATHS] } });
    expect(shares.bytes).toBe(0);
    expect(values[0]).toEqual(bytes(1, 2, 3, 4));
  });

  test.each<[string, RelayTerms, RegExp]>([
    ["a share that has come", share(0), /come before/],
    ["one through a node of another", share(1, { path: nodes("a", "d", "b", "z") }), /share no node/],
    ["one of another length", share(1, { bytes: 5 }), /differ in nothing/],
    ["one of another time", share(1, { expiresMs: NOW_MS + 1 }), /differ in nothing/],
    ["one of another number of shares", share(1, { share: [1, 2] }), /differ in nothing/],
    ["one the other way", share(1, { path: nodes("z", "c", "a") }), /differ in nothing/],
  ])("%s is refused, and the others stay", (_what, terms, message) => {
    const shares = new Shares();
    shares.add(share(0), bytes(1, 1, 1, 1), NOW_MS);
    const refused = shares.add(terms, new Uint8Array(terms.bytes), NOW_MS);
    expect(refused.ok ? "" : refused.error.message).toMatch(message);
    shares.add(share(1), bytes(2, 2, 2, 2), NOW_MS);
    const whole = shares.add(share(2), bytes(4, 4, 4, 4), NOW_MS);
    expect(whole.ok && whole.value?.key).toEqual(bytes(7, 7, 7, 7));
  });

  test("that are dropped, or too late, count for nothing", () => {
    const shares = new Shares();
    shares.add(share(0), bytes(1, 1, 1, 1), NOW_MS);
    shares.drop(relayId(1));
    shares.drop(relayId(1));
    expect(shares.bytes).toBe(0);
    shares.add(share(1, { expiresMs: NOW_MS + 10 }), bytes(1, 1, 1, 1), NOW_MS);
    shares.expire(NOW_MS + 9);
    expect(shares.bytes).toBe(4);
    shares.expire(NOW_MS + 10);
    expect(shares.bytes).toBe(0);
  });

  test("are wiped when they are dropped", () => {
    const shares = new Shares();
    shares.add(share(0), bytes(1, 2, 3, 4), NOW_MS);
    const fill = vi.spyOn(Uint8Array.prototype, "fill");
    try {
      shares.drop(relayId(1));
      expect(fill.mock.contexts).toEqual([bytes(0, 0, 0, 0)]);
    } finally {
      fill.mockRestore();
    }
  });

  test("are refused beyond the bounds in number and bytes; those that wait are not", () => {
    const shares = new Shares();
    const most = LIMITS.relayBytes;
    for (let i = 0; i < LIMITS.relayShareBytes / most; i++) {
      expect(shares.add(share(0, { relay: relayId(i), bytes: most }), new Uint8Array(most), NOW_MS).ok).toBe(true);
    }
    expect(shares.add(share(0, { relay: relayId(99) }), bytes(0, 0, 0, 0), NOW_MS)).toMatchObject({
      ok: false,
      error: { code: "unavailable" },
    });
    expect(shares.add(share(1, { relay: relayId(0), bytes: most }), new Uint8Array(most), NOW_MS).ok).toBe(true);
    const many = new Shares();
    const adds = Array.from({ length: LIMITS.relayShareKeys + 1 }, (_, i) =>
      many.add(share(0, { relay: relayId(i) }), bytes(0, 0, 0, 0), NOW_MS),
    );
    expect(adds.filter(({ ok }) => !ok)).toHaveLength(1);
  });
});

test.each<[string, readonly string[], boolean]>([
  ["one path", ["ab"], true],
  ["no node between in common", ["abz", "acz"], true],
  ["the direct link and another path", ["az", "abz"], true],
  ["the direct link twice", ["az", "az"], false],
  ["a node in common", ["abcz", "adbz"], false],
  ["the last two alike", ["abz", "acz", "acz"], false],
])("paths with %s", (_what, paths, areApart) => {
  expect(areAllDisjoint(paths.map((path) => nodes(...path.split(""))))).toBe(areApart);
});

const at = (relay: number, index = 0): RelayTerms => share(index, { relay: relayId(relay) });

describe("tombstones", () => {
  test("let a share through once, and none of a relay that was given up", () => {
    const stones = new Tombstones();
    expect(stones.begin(at(1), NOW_MS)).toBe("new");
    expect(stones.begin(at(1), NOW_MS)).toBe("again");
    expect(stones.begin(at(1, 1), NOW_MS)).toBe("new");
    expect(stones.begin(at(2), NOW_MS)).toBe("new");
    expect(stones.void(relayId(1), NOW_MS)).toBe(true);
    expect(stones.void(relayId(1), NOW_MS)).toBe(true);
    expect(stones.isVoided(relayId(1))).toBe(true);
    expect(stones.isVoided(relayId(2))).toBe(false);
    expect(stones.begin(at(1, 2), NOW_MS)).toBe("voided");
    stones.void(relayId(3), NOW_MS);
    expect(stones.begin(at(3), NOW_MS)).toBe("voided");
    expect(stones.size).toBe(3);
  });

  test("outlive the terms that a node accepts, and no more than twice a relay's time", () => {
    const stones = new Tombstones();
    stones.begin(at(1), NOW_MS);
    const lastMs = NOW_MS + LIMITS.relayMs + LIMITS.relaySkewMs;
    expect(stones.begin(at(1), lastMs)).toBe("again");
    expect(stones.begin(at(2), NOW_MS + 2 * LIMITS.relayMs)).toBe("new");
    expect(stones.size).toBe(1);
  });

  test("that are too many let nothing new in, forget nothing, and still tell what is known", () => {
    const stones = new Tombstones();
    for (let i = 0; i < LIMITS.relayTombstones; i++) stones.begin(at(i), NOW_MS);
    expect(stones.begin(at(LIMITS.relayTombstones), NOW_MS)).toBe("full");
    expect(stones.void(relayId(LIMITS.relayTombstones), NOW_MS)).toBe(false);
    expect(stones.void(relayId(0), NOW_MS)).toBe(true);
    expect(stones.begin(at(0, 1), NOW_MS)).toBe("voided");
    expect(stones.begin(at(1), NOW_MS)).toBe("again");
    expect(stones.size).toBe(LIMITS.relayTombstones);
  });
});
