/** Keys between two deployments: both ends get them if they are the same, and neither if they are not. */
import { describe, expect, test } from "vitest";
import { nodes, NOW_MS, relayTerms, Rig } from "../../test/support/relay-rig.ts";
import { lyingStep } from "../../test/support/relay-hostile.ts";
import { type NodeId, pairName, pairOf } from "../ids.ts";
import { relayShardOf } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { keyToStore, takeComparisonTag } from "./compare.ts";
import { KeptKeys } from "./kept-keys.ts";
import { type PathSet, type Reach, relayKey } from "./relay-key.ts";
import { COMPARE_KEY_BYTES, type CompareCall } from "./types.ts";

const NAMES = nodes("a", "b", "c", "d", "z");
const [A, B, C, D, Z] = NAMES as [NodeId, NodeId, NodeId, NodeId, NodeId];
const BYTES = 40;

/** z is hosted elsewhere. */
function apart(): Rig {
  const rig = new Rig(NAMES);
  rig.elsewhere.add(Z);
  return rig;
}

const bring = async (reach: Reach, sets: readonly PathSet[], isCompared = true) => {
  const left = [...sets];
  return await relayKey(reach, {
    pair: pairName(pairOf(A, Z)),
    shard: relayShardOf(sets[0]?.length ?? 1),
    bytes: BYTES,
    isCompared,
    untilMs: NOW_MS + LIMITS.relayMs,
    nextPaths: () => left.shift() ?? null,
  });
};
const changedIn = (rig: Rig, change: (call: CompareCall) => CompareCall): Reach => {
  const reach = rig.reachOf(A);
  return { ...reach, compareAt: async (node, call) => await reach.compareAt(node, change(call)) };
};
/** Passes on another key than it was given, and seals it as it should. */
const withLiar = (rig: Rig, liar: NodeId): Reach => {
  const reach = rig.reachOf(A);
  const stepAt: Reach["stepAt"] = async (node, step) =>
    node === liar ? lyingStep(rig.links, node, step, rig.nowMs, Math.random) : await reach.stepAt(node, step);
  return { ...reach, stepAt };
};
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 9 ? byte ^ 16 : byte));
const carried = () => Uint8Array.from({ length: 48 }, (_, i) => 3 * i + 1);
/** A liar keeps what it likes. */
const unwipedBut = (rig: Rig, liar: NodeId) =>
  rig.links.handedOut.filter(({ to, bytes }) => to !== liar && bytes.some((byte) => byte !== 0));
const nothingLeft = (rig: Rig): void => {
  for (const side of rig.sides.values()) expect(side.heldBytes).toBe(0);
};

describe("a key between two deployments", () => {
  test.each<[string, PathSet]>([
    ["over one path", [[A, B, C, Z]]],
    [
      "in shares",
      [
        [A, B, Z],
        [A, C, D, Z],
      ],
    ],
  ])("%s is put into the target's pool once it has been compared, as long as was asked for", async (_how, paths) => {
    const rig = apart();
    const relayed = await bring(rig.reachOf(A), [paths]);
    if (!relayed.ok) throw new Error(JSON.stringify(relayed.error));
    expect(relayed.value.key.length).toBe(BYTES);
    expect(rig.stored).toMatchObject([{ node: Z, key: relayed.value.key, relayedBy: { paths } }]);
    expect(rig.compared.length).toBe(1);
    expect(rig.alarms).toEqual([]);
    relayed.value.key.fill(0);
    expect(rig.unwiped).toEqual([]);
    nothingLeft(rig);
  });

  test("another that a node between passes on is at neither end: both say over which way", async () => {
    const rig = apart();
    const relayed = await bring(withLiar(rig, B), [[[A, B, C, Z]], [[A, D, Z]]]);
    const relay = rig.compared[0]?.terms.relay;
    expect(rig.alarms).toEqual([Z, A].map(() => ({ what: "unequal", relay, paths: [[A, B, C, Z]] })));
    expect(relayed).toMatchObject({
      ok: true,
      value: {
        relayedBy: { paths: [[A, D, Z]] },
        failures: [B, C].map((node) => ({ why: "unequal", blamed: { node } })),
      },
    });
    expect(rig.stored.map(({ relayedBy }) => relayedBy.paths)).toEqual([[[A, D, Z]]]);
    if (relayed.ok) relayed.value.key.fill(0);
    expect(unwipedBut(rig, B)).toEqual([]);
    nothingLeft(rig);
  });

  test("one share that was put in place of another spoils the key", async () => {
    const rig = apart();
    const paths = [
      [A, B, Z],
      [A, C, D, Z],
    ];
    expect((await bring(withLiar(rig, D), [paths])).ok).toBe(false);
    expect(rig.stored).toEqual([]);
    expect(rig.alarms.map(({ what }) => what)).toEqual(["unequal", "unequal"]);
    expect(unwipedBut(rig, D)).toEqual([]);
  });

  test.each<[string, (call: CompareCall) => CompareCall]>([
    ["challenge", (call) => ({ ...call, challenge: flip(call.challenge) })],
    ["tag", (call) => ({ ...call, tag: flip(call.tag) })],
  ])("a changed %s leaves it at neither end", async (_what, change) => {
    const rig = apart();
    expect((await bring(changedIn(rig, change), [[[A, B, Z]]])).ok).toBe(false);
    expect([rig.stored, rig.unwiped]).toEqual([[], []]);
    nothingLeft(rig);
  });

  test.each<[string, (call: CompareCall) => CompareCall, string]>([
    [
      "of another relay",
      ({ terms, ...rest }) => ({ ...rest, terms: { ...terms, expiresMs: terms.expiresMs - 1 } }),
      "conflict",
    ],
    ["over another path", ({ terms, ...rest }) => ({ ...rest, terms: { ...terms, path: [A, C, Z] } }), "conflict"],
    [
      "of a relay that is over",
      ({ terms, ...rest }) => ({ ...rest, terms: { ...terms, expiresMs: NOW_MS } }),
      "bad-request",
    ],
    ["with a short challenge", (call) => ({ ...call, challenge: call.challenge.subarray(1) }), "bad-request"],
    ["with a short tag", (call) => ({ ...call, tag: call.tag.subarray(1) }), "bad-request"],
  ])("a comparison %s is none: the key waits on", async (_what, change, code) => {
    const rig = apart();
    const reach = rig.reachOf(A);
    const compareAt: Reach["compareAt"] = async (node, call) => {
      expect(await rig.side(node).compare(change(call))).toMatchObject({ ok: false, error: { code } });
      return await reach.compareAt(node, call);
    };
    expect((await bring({ ...reach, compareAt }, [[[A, B, Z]]])).ok).toBe(true);
  });

  test("is compared once: who asks again, or after the relay was given up, hears of no key", async () => {
    const rig = apart();
    await bring(rig.reachOf(A), [[[A, B, Z]]]);
    const [call] = rig.compared;
    expect(await rig.side(Z).compare(call!)).toMatchObject({ ok: false, error: { code: "conflict" } });
    const reach = rig.reachOf(A);
    const compareAt: Reach["compareAt"] = async (node, asked) => {
      await rig.side(node).voidRelay(asked.terms);
      return await reach.compareAt(node, asked);
    };
    expect((await bring({ ...reach, compareAt }, [[[A, C, Z]]])).ok).toBe(false);
    expect(rig.stored.length).toBe(1);
  });

  test("whose comparison gets no answer is not the initiator's: the pool's halves settle it", async () => {
    const rig = apart();
    const reach = rig.reachOf(A);
    const compareAt: Reach["compareAt"] = async (node, call) => {
      await reach.compareAt(node, call);
      throw new Error("lost");
    };
    expect(await bring({ ...reach, compareAt }, [[[A, B, Z]]])).toMatchObject({
      ok: false,
      error: [{ why: "silent", blamed: { node: Z } }],
    });
    expect(rig.stored.length).toBe(1);
    expect(rig.unwiped).toEqual([]);
  });

  test("waits to be compared no longer than the relay lasts", async () => {
    const rig = apart();
    const reach = rig.reachOf(A);
    const compareAt: Reach["compareAt"] = async (node, { terms }) => {
      expect(rig.side(node).heldBytes).toBe(BYTES + COMPARE_KEY_BYTES);
      rig.nowMs = terms.expiresMs;
      rig.side(node).sweep();
      expect(rig.side(node).heldBytes).toBe(0);
      throw new Error("late");
    };
    expect((await bring({ ...reach, compareAt }, [[[A, B, Z]]])).ok).toBe(false);
  });

  test("is compared if the target knows the initiator to be elsewhere, and only then, whatever that says", async () => {
    expect((await bring(apart().reachOf(A), [[[A, B, Z]]], false)).ok).toBe(false);
    expect((await bring(new Rig(NAMES).reachOf(A), [[[A, B, Z]]])).ok).toBe(false);
  });
});

describe("the tag", () => {
  const challenge = new Uint8Array(16).fill(9);

  test("tells keys apart, whatever byte they differ in", () => {
    const tag = takeComparisonTag(carried(), challenge);
    expect(takeComparisonTag(carried(), challenge)).toEqual(tag);
    for (let at = 0; at < 48; at++) {
      const other = carried().map((byte, i) => (i === at ? byte ^ 128 : byte));
      expect(takeComparisonTag(other, challenge)).not.toEqual(tag);
    }
  });

  test("spends what hides it, and leaves the key", () => {
    const bytes = carried();
    takeComparisonTag(bytes, challenge);
    expect(keyToStore(bytes)).toEqual(carried().subarray(0, 32));
    expect(bytes.subarray(32)).toEqual(new Uint8Array(COMPARE_KEY_BYTES));
  });
});

test("a target keeps no more keys than it has room for", () => {
  const kept = new KeptKeys();
  const whole = { key: new Uint8Array(8), paths: [[A, B, Z]] };
  const bytes = LIMITS.relayKeptBytes / 2;
  const terms = (relay: string) => relayTerms([A, B, Z], { relay: relay as never, bytes });
  expect(kept.keep(terms("1"), whole, NOW_MS).ok).toBe(true);
  expect(kept.keep(terms("2"), whole, NOW_MS).ok).toBe(true);
  expect(kept.keep(terms("3"), whole, NOW_MS).ok).toBe(false);
  kept.drop(terms("1").relay);
  expect(kept.keep(terms("3"), whole, NOW_MS).ok).toBe(true);
  kept.expire(terms("3").expiresMs);
  expect(kept.bytes).toBe(0);
});
