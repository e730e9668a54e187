/** What somebody can do who writes on the line between two modules, and how ends come together that have lost something. */
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import type { SlotName } from "../postprocessing/authentication/key-store.ts";
import { type Head, sealed } from "../postprocessing/session/envelope.ts";
import { FieldWriter } from "../postprocessing/session/fields.ts";
import { encodeBody } from "../postprocessing/session/messages.ts";
import type { PeerKeySource } from "./peer.ts";
import { detectionsMaxOf, parametersOf } from "./settings.ts";
import { MemoryStore, SHORT, type Side, TestModules } from "./test-modules.ts";
import { classicalMessage, quantumMessage, readMessage, syncMessage } from "./wire.ts";

const HUGE = Number.MAX_SAFE_INTEGER;

const statusOf = (modules: TestModules, side: Side) => modules.ends[side].module.status(modules.nowMs);
const alarmsOf = (modules: TestModules, side: Side) =>
  modules.ends[side].news.flatMap((news) => (news.kind === "raise" ? [news.code] : []));
const slotsAt = (modules: TestModules, side: Side) => statusOf(modules, side).authenticationSlots;

function run(modules: TestModules, blocks: number): void {
  for (let block = 0; block < blocks; block++) {
    modules.tick();
    modules.settle();
  }
}

/** After blocks enough to fill the stores of authentication key. */
const WORKED = new TestModules(SHORT);
WORKED.connect();
WORKED.settle();
run(WORKED, 5);

function atWork(peerPublicKey?: PeerKeySource): TestModules {
  const modules = WORKED.copied(peerPublicKey);
  expect(slotsAt(modules, "receiver")).toBeGreaterThanOrEqual(LIMITS.moduleOpenings.burst + 2);
  return modules;
}

const opening = (block: number, slot: SlotName | null): Uint8Array =>
  forged({ type: "open", from: "alice-to-bob", block }, encodeBody("open", { parameters: parametersOf(SHORT), slot }));

const forged = (head: Pick<Head, "type" | "from" | "block"> & Partial<Head>, body: Uint8Array): Uint8Array =>
  classicalMessage(sealed({ phase: "estimation", number: 0, ...head }, body));

function inject(modules: TestModules, to: Side, message: Uint8Array): void {
  modules.line[to].unshift(message);
  modules.deliver(to);
}

const refusal = (block: number): Uint8Array => {
  const body = encodeBody("abort", { reason: "no-authentication-key", tag: new Uint8Array() });
  return forged({ type: "abort", from: "bob-to-alice", block }, body);
};

/** Names of slots as they were seen to grow: of block 5, the last one, all those that it refilled. */
const slotNames = (block: number, count: number): SlotName[] =>
  Array.from({ length: count }, (_, index) => ({ block, index }));

/** Both ends have the same key, and the next block gives more. */
function expectToGoOn(modules: TestModules, rounds = 1): void {
  const before = modules.ends.receiver.sink.size;
  run(modules, rounds);
  expect(modules.ends.receiver.sink.size).toBeGreaterThan(before);
  expect(modules.ends.receiver.sink).toEqual(modules.ends.sender.sink);
}

describe("forged openings", () => {
  test("that name a slot which never was: nothing is used up", () => {
    const modules = atWork();
    const before = slotsAt(modules, "receiver");
    for (const block of [6, 7, HUGE]) inject(modules, "receiver", opening(block, { block: HUGE, index: 0 }));
    modules.settle();
    expect(slotsAt(modules, "receiver")).toBe(before);
    expectToGoOn(modules);
    expect(statusOf(modules, "receiver").reports[0]).toMatchObject({ block: 6, authentication: "wegman-carter" });
  });

  test("that name the newest slot: the older ones stay", () => {
    const modules = atWork();
    const before = slotsAt(modules, "receiver");
    inject(modules, "receiver", opening(7, { block: 5, index: 0 }));
    expect(slotsAt(modules, "receiver")).toBe(before - 1);
    expect(statusOf(modules, "receiver").state).toBe("running");
    expectToGoOn(modules);
    expect(statusOf(modules, "receiver").reports[0]).toMatchObject({ block: 6, authentication: "wegman-carter" });
  });

  test("one after the other: few slots go, it is an alarm, and afterwards there is key again", () => {
    const modules = atWork();
    const before = slotsAt(modules, "receiver");
    for (let block = 1; block <= 5; block++) {
      for (const slot of slotNames(block, LIMITS.moduleSlots)) inject(modules, "receiver", opening(block + 5, slot));
    }
    expect(slotsAt(modules, "receiver")).toBe(before - LIMITS.moduleOpenings.burst);
    expect(alarmsOf(modules, "receiver")).toContain("module-openings-refused");
    expectToGoOn(modules, 2 + LIMITS.moduleSlots);
  });

  test("without a slot: refused while there are slots", () => {
    const modules = atWork();
    inject(modules, "receiver", opening(6, null));
    modules.settle();
    expect(statusOf(modules, "receiver").state).toBe("idle");
    expectToGoOn(modules);
    expect(statusOf(modules, "receiver").reports[0]?.authentication).toBe("wegman-carter");
  });

  test("of the highest number: the blocks after it are not refused", () => {
    const modules = new TestModules(SHORT);
    modules.connect();
    modules.settle();
    inject(modules, "receiver", opening(HUGE, null));
    expect(statusOf(modules, "receiver").state).toBe("running");
    modules.connect();
    modules.settle();
    expectToGoOn(modules);
    expect(statusOf(modules, "receiver").block).toBe(1);
  });

  test("that are refused leave the running block alone", () => {
    const modules = atWork();
    modules.tick();
    modules.deliver("receiver");
    for (const [block, slot] of [
      [1, null],
      [7, null],
      [7, { block: HUGE, index: 1 }],
    ] as const) {
      inject(modules, "receiver", opening(block, slot));
      expect(statusOf(modules, "receiver").state).toBe("running");
    }
    modules.settle();
    expect(statusOf(modules, "receiver").reports[0]).toMatchObject({ block: 6, outcome: "released" });
  });
});

test.each(["sender", "receiver"] as const)("messages of other blocks leave the %s's running block alone", (side) => {
  const modules = atWork();
  modules.tick();
  modules.deliver("receiver");
  const from = side === "sender" ? "bob-to-alice" : "alice-to-bob";
  for (const block of [1, 5, 7, HUGE]) {
    const body = encodeBody("abort", { reason: "abandoned", tag: new Uint8Array() });
    inject(modules, side, forged({ type: "abort", from, block, number: side === "sender" ? 0 : 1 }, body));
  }
  expect(statusOf(modules, side).state).toBe("running");
  modules.settle();
  expect(statusOf(modules, side).reports[0]).toMatchObject({ block: 6, outcome: "released" });
});

const greeting = (role: Side, changes: object) =>
  syncMessage({
    link: "n1-n2",
    role,
    sim: "bb84",
    last: 5,
    slots: 8,
    unsettled: [],
    public_key: "00".repeat(32),
    answer: true,
    ...changes,
  });

describe("forged greetings", () => {
  test("with a number out of all proportion: refused, an alarm, and forgotten", () => {
    const modules = atWork();
    for (const last of [HUGE, HUGE, 5 + LIMITS.moduleBlockJump + 1]) {
      inject(modules, "sender", greeting("receiver", { last }));
      inject(modules, "receiver", greeting("sender", { last }));
    }
    expect(alarmsOf(modules, "sender")).toContain("module-mismatch");
    modules.connect();
    modules.settle();
    expectToGoOn(modules);
    expect(statusOf(modules, "sender").block).toBe(6);
  });

  test("with a number ahead: it does not outlast the connection", () => {
    const modules = atWork();
    inject(modules, "sender", greeting("receiver", { last: 1_000_000 }));
    modules.connect();
    modules.settle();
    expectToGoOn(modules);
    expect(statusOf(modules, "sender").block).toBe(6);
  });

  test("with another public key: an alarm, and the one that was learnt goes on counting", () => {
    const modules = atWork();
    for (const [to, role] of [
      ["sender", "receiver"],
      ["receiver", "sender"],
    ] as const) {
      inject(modules, to, greeting(role, {}));
      inject(modules, to, greeting(role, {}));
      expect(alarmsOf(modules, to)).toEqual(["module-peer-changed"]);
    }
    for (const { store } of Object.values(modules.ends)) store.entries.delete("keys");
    modules.restart("sender");
    modules.restart("receiver");
    modules.settle();
    expectToGoOn(modules);
    expect(statusOf(modules, "receiver").reports[0]?.authentication).toBe("slh-dsa");
  });
});

/** Another sender takes the place of the one there was. */
function replaceSender(modules: TestModules): MemoryStore {
  const before = new MemoryStore();
  for (const [name, bytes] of modules.ends.sender.store.entries) before.entries.set(name, bytes);
  modules.ends.sender.store.entries.clear();
  modules.restart("sender");
  modules.settle();
  return before;
}

describe("a sender with a signing key of his own", () => {
  test("gets no key out of a receiver that has learnt the true one's, though he says that he has no slots", () => {
    const modules = atWork();
    const before = modules.ends.receiver.sink.size;
    const own = replaceSender(modules);
    run(modules, 3);
    expect(modules.ends.receiver.sink.size).toBe(before);
    expect(alarmsOf(modules, "receiver")).toContain("module-peer-changed");
    expect(statusOf(modules, "receiver").reports[0]).toMatchObject({ reason: "authentication-failed", alarm: true });
    modules.ends.sender.store.entries.clear();
    for (const [name, bytes] of own.entries) modules.ends.sender.store.entries.set(name, bytes);
    modules.restart("sender");
    modules.settle();
    expectToGoOn(modules);
  });

  test("nor out of one that has forgotten which key it learnt, while it has slots", () => {
    const modules = atWork();
    const before = modules.ends.receiver.sink.size;
    modules.ends.receiver.store.entries.delete("peer");
    modules.restart("receiver");
    replaceSender(modules);
    run(modules, 2);
    expect(modules.ends.receiver.sink.size).toBe(before);
    expect(statusOf(modules, "sender").reports[0]?.reason).toBe("no-authentication-key");
  });

  test("is taken at his word where the transport vouches for who speaks", () => {
    const modules = atWork("vouched-for");
    replaceSender(modules);
    expectToGoOn(modules);
    expect(alarmsOf(modules, "receiver")).toEqual([]);
    expect(slotsAt(modules, "receiver")).toBe(slotsAt(modules, "sender"));
    expect(statusOf(modules, "receiver").block).toBe(6);
  });

  test("is the other end's module once an operator has brought his public key over", () => {
    const modules = atWork();
    replaceSender(modules);
    modules.peerPublicKey.receiver = modules.ends.sender.module.publicKey;
    modules.restart("receiver");
    modules.settle();
    expectToGoOn(modules);
    modules.peerPublicKey.receiver = "as-told";
    modules.restart("receiver");
    modules.settle();
    expectToGoOn(modules);
  });
});

test("a sender whose openings were taken away until no slot was left says so, and signs a block", () => {
  const modules = atWork();
  const before = slotsAt(modules, "receiver");
  for (let block = 6; slotsAt(modules, "sender") > 0; block++) {
    modules.tick();
    modules.line.receiver.length = 0;
    inject(modules, "sender", refusal(block));
  }
  modules.tick();
  modules.settle();
  expect(slotsAt(modules, "receiver")).toBe(before);
  expectToGoOn(modules);
  expect(statusOf(modules, "receiver").reports[0]?.authentication).toBe("slh-dsa");
  expect(slotsAt(modules, "receiver")).toBe(slotsAt(modules, "sender"));
});

describe("detections far beyond what the settings say", () => {
  const count = detectionsMaxOf(SHORT) + 1;

  test("are not decoded by the receiver, nor are any outside of a run", () => {
    const none = new Uint8Array(count);
    const message = quantumMessage(1, { pulseIndexes: Float64Array.from(none, (_, i) => i), bases: none, bits: none });
    expect(readMessage(message, count)?.kind).toBe("quantum");
    expect(readMessage(message, count - 1)).toBeNull();
    const modules = atWork();
    modules.tick();
    modules.deliver("receiver");
    const [block] = modules.blocks.slice(-1);
    inject(
      modules,
      "receiver",
      Uint8Array.of(...message.subarray(0, 2), ...new FieldWriter().u64(block!).finish(), ...message.subarray(10)),
    );
    modules.settle();
    expect(statusOf(modules, "receiver").reports[0]).toMatchObject({ block, outcome: "released" });
  });

  test("are not decoded by the sender", () => {
    const modules = atWork();
    modules.tick();
    const none = new Uint8Array(count);
    const body = encodeBody("detections", { pulseIndexes: Float64Array.from(none, (_, i) => i), bases: none });
    inject(modules, "sender", forged({ type: "detections", from: "bob-to-alice", block: 6 }, body));
    modules.settle();
    expect(statusOf(modules, "sender").reports[0]).toMatchObject({ block: 6, outcome: "released" });
  });

  test("a run has fewer by far", () => {
    const modules = atWork();
    expect(statusOf(modules, "sender").reports[0]?.detections).toBeLessThan(0.6 * count);
  });
});
