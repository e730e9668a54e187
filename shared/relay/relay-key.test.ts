import { describe, expect, test, vi } from "vitest";
import { nodes, NOW_MS, relayId, relayTerms, Rig } from "../../test/support/relay-rig.ts";
import { fail, fault } from "../errors/errors.ts";
import { type NodeId, pairName, pairOf } from "../ids.ts";
import { relayShardOf } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { NodeSide } from "./node-side.ts";
import { faultOfFailures, type PathSet, type Reach, relayKey, type RelayOrder } from "./relay-key.ts";
import type { StepAnswer } from "./types.ts";
import { type WalkFailure, walkPath } from "./walk.ts";

const NAMES = nodes("a", "b", "c", "d", "e", "z");
const [A, B, C, D, E, Z] = NAMES as [NodeId, NodeId, NodeId, NodeId, NodeId, NodeId];

const order = (sets: readonly PathSet[], given: Partial<RelayOrder> = {}): RelayOrder => {
  const left = [...sets];
  return {
    pair: pairName(pairOf(A, Z)),
    shard: relayShardOf(sets[0]?.length ?? 1),
    bytes: 40,
    isCompared: false,
    untilMs: NOW_MS + LIMITS.relayMs,
    nextPaths: () => left.shift() ?? null,
    ...given,
  };
};

/** A reach whose timers are over at once where a node is asked that never answers. */
function withSilent(rig: Rig, silent: NodeId): Reach {
  const reach = rig.reachOf(A);
  const asked = Promise.withResolvers<void>();
  return {
    ...reach,
    timer: () => ({ over: asked.promise, cancel: () => undefined }),
    stepAt: (node, step) => {
      if (node !== silent) return reach.stepAt(node, step);
      asked.resolve();
      return Promise.withResolvers<never>().promise;
    },
  };
}

const answering = (rig: Rig, at: NodeId, answer: (honest: StepAnswer) => StepAnswer): Reach => {
  const reach = rig.reachOf(A);
  const stepAt: Reach["stepAt"] = async (node, step) => {
    const honest = await reach.stepAt(node, step);
    return node === at && honest.ok ? { ok: true, value: answer(honest.value) } : honest;
  };
  return { ...reach, stepAt };
};

const walk = (reach: Reach) => walkPath(reach, relayTerms([A, B, C, Z]));
const failure = (why: string, blamed: unknown, isTargetAsked = false) => ({
  ok: false,
  error: { why, blamed, isTargetAsked },
});

describe("a walk that fails says where and why, and keeps nothing of the key", () => {
  const cases: [string, (rig: Rig) => Reach, ReturnType<typeof failure>][] = [
    [
      "the first link is dry",
      (rig) => ({ ...rig.reachOf(A), drawHop: async () => fail("link-budget", "") }),
      failure("dry", { link: [A, B] }),
    ],
    [
      "the first link's pool throws",
      (rig) => ({ ...rig.reachOf(A), drawHop: () => Promise.reject(new Error("broken")) }),
      failure("silent", { link: [A, B] }),
    ],
    [
      "a link between is dry",
      (rig) => {
        rig.sides.set(B, new NodeSide({ ...rig.portsOf(B), drawHop: async () => fail("not-enough-keys", "") }));
        return rig.reachOf(A);
      },
      failure("dry", { link: [B, C] }),
    ],
    [
      "a link between is silent",
      (rig) => {
        rig.sides.set(B, new NodeSide({ ...rig.portsOf(B), drawHop: async () => fail("unavailable", "") }));
        return rig.reachOf(A);
      },
      failure("silent", { link: [B, C] }),
    ],
    ["a node between is silent", (rig) => withSilent(rig, C), failure("silent", { node: C })],
    ["the target is silent", (rig) => withSilent(rig, Z), failure("silent", { node: Z }, true)],
    [
      "a node is gone",
      (rig) => ({ ...rig.reachOf(A), stepAt: () => Promise.reject(new Error("gone")) }),
      failure("silent", { node: B }),
    ],
    [
      "a node refuses",
      (rig) => ({ ...rig.reachOf(A), stepAt: async () => fail("forbidden", "no") }),
      failure("refused", { node: B }),
    ],
    [
      "the target refuses",
      (rig) => {
        rig.sides.set(Z, new NodeSide({ ...rig.portsOf(Z), store: async () => fail("pool-full", "full") }));
        return rig.reachOf(A);
      },
      failure("refused", { node: Z }, true),
    ],
    [
      "a node between says that it keeps the key",
      (rig) => answering(rig, B, () => ({ outcome: "stored" })),
      failure("faulty", { node: B }),
    ],
    [
      "a node answers less than a message",
      (rig) =>
        answering(rig, C, (honest) =>
          honest.outcome === "onward"
            ? { ...honest, message: { ...honest.message, ciphertext: new Uint8Array(3) } }
            : honest,
        ),
      failure("faulty", { node: C }),
    ],
    [
      "the target waits for shares that there are not",
      (rig) => answering(rig, Z, () => ({ outcome: "held" })),
      failure("faulty", { node: Z }, true),
    ],
    [
      "its time is over on the way",
      (rig) =>
        answering(rig, B, (honest) => {
          rig.nowMs = NOW_MS + 5000;
          return honest;
        }),
      failure("late", null),
    ],
    [
      "a link gives other bits than asked for",
      (rig) => {
        const draw = { shard: 0, record: 0, nonce: "00" };
        const drawHop: Reach["drawHop"] = async () => ({ ok: true, value: { draw, bytes: new Uint8Array(5) } });
        return { ...rig.reachOf(A), drawHop };
      },
      failure("faulty", { link: [A, B] }),
    ],
  ];
  test.each(cases)("%s", async (_what, reachOf, expected) => {
    const rig = new Rig(NAMES);
    expect(await walk(reachOf(rig))).toMatchObject(expected);
    const atInitiator = rig.links.handedOut.filter(({ to }) => to === A);
    for (const { bytes } of atInitiator) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("a draw that comes when nobody waits for it is wiped", async () => {
    const rig = new Rig(NAMES);
    const late = Promise.withResolvers<Awaited<ReturnType<Reach["drawHop"]>>>();
    const reach: Reach = {
      ...rig.reachOf(A),
      timer: () => ({ over: Promise.resolve(), cancel: () => undefined }),
      drawHop: () => late.promise,
    };
    const walked = walk(reach);
    expect(await walked).toMatchObject(failure("silent", { link: [A, B] }));
    const drawn = rig.links.between(A, B).draw(A, relayTerms([A, B]));
    late.resolve(drawn);
    await late.promise;
    await Promise.resolve();
    await Promise.resolve();
    expect(rig.unwiped).toEqual([]);
  });

  test("every question has a time that ends with the relay", async () => {
    const rig = new Rig(NAMES);
    const times: number[] = [];
    const cancelled: number[] = [];
    const reach: Reach = {
      ...rig.reachOf(A),
      timer: (ms) => {
        times.push(ms);
        return { over: Promise.withResolvers<void>().promise, cancel: () => cancelled.push(ms) };
      },
    };
    await walkPath(reach, relayTerms([A, B, Z], { expiresMs: NOW_MS + 10 }));
    await walkPath(reach, relayTerms([A, B, Z], { relay: relayId(2), expiresMs: NOW_MS + 5000 }));
    expect(times).toEqual([10, 10, 10, ...Array.from({ length: 3 }, () => LIMITS.relayStepMs)]);
    expect(cancelled).toEqual(times);
  });
});

describe("a key", () => {
  test("over one path is at both ends", async () => {
    const rig = new Rig(NAMES);
    const relayed = await relayKey(rig.reachOf(A), order([[[A, B, C, Z]]]));
    if (!relayed.ok) throw new Error("not relayed");
    const { key, block, relayedBy, failures } = relayed.value;
    expect(rig.stored).toMatchObject([{ key, block, relayedBy }]);
    expect(key).toHaveLength(40);
    expect(failures).toEqual([]);
    key.fill(0);
    expect(rig.unwiped).toEqual([]);
  });

  test("in shares is their XOR, at both ends, and each share goes its own way", async () => {
    const rig = new Rig(NAMES);
    const paths = [
      [A, B, Z],
      [A, C, D, Z],
      [A, Z],
    ];
    const relayed = await relayKey(rig.reachOf(A), order([paths]));
    if (!relayed.ok) throw new Error("not relayed");
    const { key, block } = relayed.value;
    expect(rig.stored).toMatchObject([{ key, block, relayedBy: { paths } }]);
    expect(rig.asked.map(({ terms }) => terms.share[1])).toEqual(rig.asked.map(() => 3));
    key.fill(0);
    expect(rig.unwiped).toEqual([]);
  });

  test("comes over the next path where one fails, with another relay and other bits", async () => {
    const rig = new Rig(NAMES);
    rig.sides.set(C, new NodeSide({ ...rig.portsOf(C), drawHop: async () => fail("link-budget", "") }));
    const told: unknown[] = [];
    const walking: Reach["walking"] =
      ({ path }) =>
      (trouble) =>
        told.push([path, trouble]);
    const relayed = await relayKey({ ...rig.reachOf(A), walking }, order([[[A, B, C, Z]], [[A, B, D, Z]]]));
    expect(told).toEqual([
      [[A, B, C, Z], "dry"],
      [[A, B, D, Z], null],
    ]);
    expect(relayed).toMatchObject({ ok: true, value: { failures: [{ why: "dry", blamed: { link: [C, Z] } }] } });
    const relays = new Set(rig.asked.map(({ terms }) => terms.relay));
    expect(relays.size).toBe(2);
    const atAB = rig.links.between(A, B).hops.map(({ terms, draw }) => [terms.relay, draw.record]);
    expect(atAB).toEqual([...relays].map((relay, record) => [relay, record]));
    expect(rig.voided).toEqual([]);
  });

  test("is given up at a target that may have it or come to it, and brought anew", async () => {
    const rig = new Rig(NAMES);
    const reach = rig.reachOf(A);
    let lost = 0;
    const stepAt: Reach["stepAt"] = async (node, step) => {
      const answer = await reach.stepAt(node, step);
      if (node === Z && (lost += 1) === 1) throw new Error("the answer is lost");
      return answer;
    };
    const relayed = await relayKey({ ...reach, stepAt }, order([[[A, B, Z]], [[A, C, Z]]]));
    if (!relayed.ok) throw new Error("not relayed");
    expect(rig.voided).toMatchObject([{ node: Z, terms: { path: [A, B, Z] } }]);
    expect(rig.stored.map(({ block }) => block === relayed.value.block)).toEqual([false, true]);
    expect((await rig.side(Z).voidRelay(relayTerms([A, B, Z]))).ok).toBe(true);
    // The target has had it in its pool; and gives back what its initiator cannot keep.
    expect(rig.takenBack[0]).toMatchObject({ node: Z, from: A, relay: rig.stored[0]?.terms.relay });
    relayed.value.takeBack();
    await vi.waitFor(() => expect(rig.takenBack.at(-1)?.relay).toBe(relayed.value.relayedBy.relay));
  });

  test("whose one share fails is given up whole, and what the target held is gone", async () => {
    const rig = new Rig(NAMES);
    const reach = rig.reachOf(A);
    const isHeld = Promise.withResolvers<void>();
    const stepAt: Reach["stepAt"] = async (node, step) => {
      if (node === D) {
        await isHeld.promise;
        return fail("unavailable", "");
      }
      const answer = await reach.stepAt(node, step);
      if (node === Z) isHeld.resolve();
      return answer;
    };
    const relayed = await relayKey(
      { ...reach, stepAt },
      order([
        [
          [A, B, Z],
          [A, C, D, Z],
        ],
      ]),
    );
    expect(relayed).toMatchObject({ ok: false, error: [{ why: "silent", blamed: { node: D } }] });
    expect(rig.voided).toMatchObject([{ node: Z }]);
    expect(rig.side(Z).heldBytes).toBe(0);
    expect(rig.stored).toEqual([]);
    const atInitiator = rig.links.handedOut.filter(({ to }) => to !== C && to !== D);
    for (const { bytes } of atInitiator) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("whose one share fails at once costs the others no further hops", async () => {
    const rig = new Rig(NAMES);
    const reach = rig.reachOf(A);
    const drawHop: Reach["drawHop"] = async (neighbour, terms) =>
      neighbour === C ? fail("link-budget", "") : reach.drawHop(neighbour, terms);
    const relayed = await relayKey(
      { ...reach, drawHop },
      order([
        [
          [A, B, D, E, Z],
          [A, C, Z],
        ],
      ]),
    );
    expect(relayed.ok ? [] : relayed.error.map(({ why }) => why).toSorted()).toEqual(["dry", "given-up"]);
    expect(rig.asked.length).toBeLessThan(4);
    expect(rig.voided).toEqual([]);
    expect(rig.unwiped).toEqual([]);
  });

  test("whose shares a target has forgotten is not had", async () => {
    const rig = new Rig(NAMES);
    const reach = rig.reachOf(A);
    const stepAt: Reach["stepAt"] = async (node, step) => {
      if (node === Z) rig.sides.set(Z, new NodeSide(rig.portsOf(Z)));
      return reach.stepAt(node, step);
    };
    const relayed = await relayKey(
      { ...reach, stepAt },
      order([
        [
          [A, B, Z],
          [A, C, Z],
        ],
      ]),
    );
    expect(relayed).toMatchObject({ ok: false, error: [{ why: "refused", blamed: null }] });
    expect(rig.voided).toMatchObject([{ node: Z }]);
    expect(rig.stored).toEqual([]);
  });

  test("of paths that are no set is not begun", async () => {
    const rig = new Rig(NAMES);
    const shared = order([
      [
        [A, B, C, Z],
        [A, D, C, Z],
      ],
    ]);
    const tooMany = order([[[A, B, Z]]], { shard: relayShardOf(2) });
    const elsewhere = order([[[A, B, E]]]);
    for (const flawed of [shared, tooMany, elsewhere]) {
      expect(await relayKey(rig.reachOf(A), flawed)).toMatchObject({ ok: false, error: [{ why: "refused" }] });
    }
    expect(rig.links.handedOut).toEqual([]);
  });

  test("is tried no longer than somebody waits, nor more often than the bound", async () => {
    const rig = new Rig(NAMES);
    const refusing: Reach = { ...rig.reachOf(A), drawHop: async () => fail("link-budget", "") };
    const endless = order([], { shard: relayShardOf(1), nextPaths: () => [[A, B, Z]] });
    const tried = await relayKey(refusing, endless);
    expect(tried.ok ? 0 : tried.error.length).toBe(LIMITS.relayAlternatives);
    expect(await relayKey(refusing, { ...endless, untilMs: NOW_MS })).toEqual({ ok: false, error: [] });
  });

  test("is fetched over what its caller finds next, who knows what has failed", async () => {
    const rig = new Rig(NAMES);
    const seen: number[] = [];
    const nextPaths: RelayOrder["nextPaths"] = async (failures) => {
      seen.push(failures.length);
      return failures.length < 2 ? [[A, B, Z]] : null;
    };
    const reach: Reach = { ...rig.reachOf(A), stepAt: async () => fail("forbidden", "") };
    await relayKey(reach, order([[[A, B, Z]]], { nextPaths }));
    expect(seen).toEqual([0, 1, 2]);
  });
});

const failed = (why: WalkFailure["why"], blamed: WalkFailure["blamed"], retryAfterSeconds?: number): WalkFailure => ({
  why,
  blamed,
  fault: { ...fault("unavailable", ""), ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
  isTargetAsked: false,
});

describe("what is told of failures", () => {
  test("names links without key, and when to come again", () => {
    const silentLink = faultOfFailures([failed("silent", { link: [B, C] })]);
    expect(silentLink.message).toBe("no path has brought the key: link b-c does not answer");
    const told = faultOfFailures([failed("dry", { link: [B, C] }, 7), failed("silent", { node: D })]);
    expect(told).toEqual({
      code: "link-budget",
      message: "relays may take no more key for now: link b-c has no key for relays, d does not answer",
      retryAfterSeconds: 7,
    });
  });

  test("names who stood in the way, each once, and not without end", () => {
    const many = nodes("1", "2", "3", "4", "5", "6").map((node) => failed("silent", { node }));
    expect(faultOfFailures([...many, ...many])).toEqual(
      fault(
        "no-path",
        "no path has brought the key: 1 does not answer, 2 does not answer, 3 does not answer, 4 does not answer",
      ),
    );
    expect(faultOfFailures([])).toEqual(fault("no-path", "no path connects the two nodes"));
  });
});
