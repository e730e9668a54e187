import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBase64 } from "../bytes/base64.ts";
import { assessHealth } from "../health/health.ts";
import { LIMITS } from "../limits.ts";
import type { ModuleSettings } from "./settings.ts";
import { FAKE, type Side, SHORT, TestModules } from "./test-modules.ts";

const seed = process.env["QKD_TEST_SEED"];
const runs = (numRuns: number) => ({ numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) });

function connected(settings: ModuleSettings): TestModules {
  const modules = new TestModules(settings);
  modules.connect();
  modules.settle();
  return modules;
}

const keysOf = (modules: TestModules, side: Side) => modules.ends[side].sink;
/** Long arrays are slow to compare. */
const textOf = (keys: ReadonlyMap<string, Uint8Array>) =>
  [...keys].map(([id, bytes]) => `${id} ${toBase64(bytes)}`).sort();
const reportsOf = (modules: TestModules, side: Side) => modules.ends[side].module.status(modules.nowMs).reports;
const alarmsOf = (modules: TestModules, side: Side) =>
  modules.ends[side].news.flatMap((news) => (news.kind === "raise" ? [news.code] : []));

const undisturbed = connected(SHORT);
for (let block = 0; block < 3; block++) {
  undisturbed.tick();
  undisturbed.settle();
}

describe("bb84, undisturbed", () => {
  const modules = undisturbed;

  test("both ends get the same key blocks under the same ids", () => {
    expect([...keysOf(modules, "sender").keys()]).toEqual(["bb84/n1-n2/1", "bb84/n1-n2/2", "bb84/n1-n2/3"]);
    expect(keysOf(modules, "receiver")).toEqual(keysOf(modules, "sender"));
    expect(modules.ends.sender.module.finished).toEqual([]);
  });

  test("the first block is signed, the others are authenticated by key grown before", () => {
    const schemes = reportsOf(modules, "sender").map(({ authentication }) => authentication);
    expect(schemes).toEqual(["wegman-carter", "wegman-carter", "slh-dsa"]);
    expect(modules.slots).toHaveLength(2);
    expect(modules.ends.sender.module.status(0).authenticationSlots).toBeGreaterThanOrEqual(1);
  });

  test("both report the same figures, and rates by the pulse rate", () => {
    const [a] = reportsOf(modules, "sender");
    const [b] = reportsOf(modules, "receiver");
    expect(a).toMatchObject({ outcome: "released", sim: "bb84", siftedKeyBits: SHORT.key_basis_detections });
    expect(b).toMatchObject({ ...a, endedMs: b?.endedMs, elapsedMs: b?.elapsedMs });
    expect(a?.keyRateBps).toBeCloseTo((a?.keyBits ?? 0) / ((a?.pulses ?? 0) / SHORT.pulse_rate_hz), 6);
    const { totals } = modules.ends.receiver.module.status(0);
    expect(totals).toMatchObject({ released: 3, aborted: 0, siftedBits: 3 * SHORT.key_basis_detections });
  });

  test("no block before the pulses of the last one are over, nor while there is enough key", () => {
    const { module } = modules.ends.sender;
    const runMs = reportsOf(modules, "sender")[0]?.runMs ?? 0;
    expect(module.nextMs(modules.nowMs)).toBeCloseTo(modules.nowMs + runMs, 6);
    modules.tick(runMs / 2);
    expect(modules.line.receiver).toEqual([]);
    modules.tick(runMs, true);
    expect(modules.line.receiver).toEqual([]);
    expect(module.status(modules.nowMs).state).toBe("full");
  });
});

test("a default block's key passes the health tests of ingested blocks", () => {
  const modules = connected({ ...SHORT, key_basis_detections: 100_000 });
  modules.tick();
  modules.settle();
  const [key = new Uint8Array()] = keysOf(modules, "receiver").values();
  expect(key.length).toBeGreaterThan(4096);
  expect(assessHealth(key)).toMatchObject({ passed: true });
});

function seededFigures() {
  const modules = connected({ ...SHORT, seed: "5a".repeat(32) });
  for (let block = 0; block < 2; block++) {
    modules.tick();
    modules.settle();
  }
  return reportsOf(modules, "receiver").map(({ qberX, qberZ, pulses }) => [qberX, qberZ, pulses]);
}

test("a seed makes what the channel does repeatable, block by block", () => {
  const [second, first] = seededFigures();
  expect(seededFigures()).toEqual([second, first]);
  expect(second).not.toEqual(first);
});

test("Eve: the block is given up, both ends raise the alarm; without her, key again", () => {
  const modules = undisturbed.copied();
  modules.configure({ eve_share: 0.5 }, ["sender"]);
  modules.tick();
  modules.settle();
  for (const side of ["sender", "receiver"] as const) {
    expect(alarmsOf(modules, side)).toEqual(["qber-above-bound"]);
    expect(reportsOf(modules, side)[0]).toMatchObject({ reason: "qber-above-bound", keyBits: 0, alarm: true });
    expect(reportsOf(modules, side)[0]?.qberZ).toBeGreaterThan(0.1);
  }
  expect(modules.ends.sender.module.status(modules.nowMs).state).toBe("waiting");
  modules.configure({ eve_share: 0 }, ["sender"]);
  modules.tick(1);
  modules.settle();
  expect([...keysOf(modules, "receiver").keys()].slice(2)).toEqual(["bb84/n1-n2/3", "bb84/n1-n2/5"]);
});

test("blocks that fail in a row are further and further apart, use up no more than the store, and are an alarm", () => {
  const modules = undisturbed.copied();
  modules.configure({ eve_share: 0.5 });
  const pauses: number[] = [];
  for (let block = 0; block < 8; block++) {
    const { module } = modules.ends.sender;
    modules.tick(Math.max(0, (module.nextMs(modules.nowMs) ?? 0) - modules.nowMs));
    modules.settle();
    pauses.push(Math.round((module.nextMs(modules.nowMs) ?? 0) - modules.nowMs));
  }
  expect(pauses.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
  expect(pauses.at(-1)).toBe(LIMITS.moduleLongPauseMs);
  expect(alarmsOf(modules, "sender").filter((code) => code === "module-no-key")).toHaveLength(
    8 - LIMITS.moduleFailures + 1,
  );
  modules.configure({ eve_share: 0 });
  modules.tick(1);
  modules.settle();
  expect(keysOf(modules, "sender").size).toBe(keysOf(undisturbed, "sender").size + 1);
  expect(modules.ends.sender.news.at(-1)).toEqual({ kind: "clear", code: "module-no-key" });
});

test("settings that are not the other end's: refused without harm, and taken up when they agree", () => {
  const modules = connected(SHORT);
  modules.configure({ key_basis_detections: 21_000 }, ["sender"]);
  modules.tick();
  modules.settle();
  expect(reportsOf(modules, "sender")[0]).toMatchObject({ reason: "parameters-refused", alarm: false });
  modules.configure({ key_basis_detections: 21_000 }, ["receiver"]);
  modules.tick();
  modules.settle();
  expect(reportsOf(modules, "receiver")[0]).toMatchObject({ outcome: "released", siftedKeyBits: 21_000 });
});

test("ends that are not set up for one another say so, and go on once they are", () => {
  const modules = new TestModules(FAKE);
  modules.configure({ sim: "bb84" }, ["receiver"]);
  modules.connect();
  for (let greeting = 0; greeting < 3; greeting++) {
    modules.settle();
    modules.tick(LIMITS.moduleSyncMs);
  }
  modules.settle();
  expect(alarmsOf(modules, "sender")).toContain("module-mismatch");
  expect(modules.ends.sender.module.status(modules.nowMs).state).toBe("mismatched");
  modules.configure({ sim: "fake" }, ["receiver"]);
  modules.settle();
  modules.tick();
  modules.settle();
  expect(keysOf(modules, "receiver").size).toBe(1);
  expect(modules.ends.sender.news).toContainEqual({ kind: "clear", code: "module-mismatch" });
});

test("an end that does not answer is an alarm, and greeted again and again", () => {
  const modules = new TestModules(SHORT);
  modules.connect();
  for (let ms = 0; ms <= LIMITS.moduleSilentAlarmMs; ms += LIMITS.moduleSyncMs) {
    modules.line.receiver.length = 0;
    modules.tick(LIMITS.moduleSyncMs);
  }
  expect(alarmsOf(modules, "sender")).toEqual(["module-peer-silent"]);
  modules.settle();
  expect(modules.ends.sender.module.status(modules.nowMs).state).toBe("idle");
});

test("a receiver that falls silent in a block: it is given up, and the next one is begun", () => {
  const modules = undisturbed.copied();
  modules.tick();
  modules.line.receiver.length = 0;
  modules.tick(LIMITS.moduleSilenceMs);
  modules.settle();
  expect(reportsOf(modules, "sender")[0]).toMatchObject({ block: 4, reason: "abandoned" });
  modules.tick();
  modules.settle();
  expect([...keysOf(modules, "receiver").keys()].slice(2)).toEqual(["bb84/n1-n2/3", "bb84/n1-n2/5"]);
});

test("fake: random key at its rate, the same at both ends", () => {
  const modules = connected(FAKE);
  modules.tick(1000);
  modules.settle();
  modules.tick(2500);
  modules.settle();
  modules.tick(500);
  modules.settle();
  expect([...keysOf(modules, "sender")].map(([id, { length }]) => [id, length])).toEqual([
    ["fake/n1-n2/1", 4096],
    ["fake/n1-n2/2", 8192],
    ["fake/n1-n2/3", 4096],
  ]);
  expect(keysOf(modules, "receiver")).toEqual(keysOf(modules, "sender"));
  expect(reportsOf(modules, "sender")[0]).toMatchObject({ keyRateBps: FAKE.key_rate_bps, qberX: null });
});

test("messages that are none change nothing", () => {
  const modules = connected(SHORT);
  const junk = [[], [1], [1, 0, 123], [1, 9], [2, 1], [1, 1, 0, 0], [1, 2, 0], [1, 3, 1], [1, 4]];
  for (const bytes of junk) {
    for (const side of ["sender", "receiver"] as const) {
      modules.step(side, (module) => module.receive(Uint8Array.from(bytes), modules.nowMs));
    }
  }
  modules.tick();
  modules.settle();
  expect(keysOf(modules, "receiver").size).toBe(1);
});

/** Things that happen to a link, one after the other. */
const side = fc.constantFrom<Side>("sender", "receiver");
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("deliver" as const), to: side, times: fc.nat(60) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("settle" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("tick" as const), ms: fc.constantFrom(1000, 40_000, 100_000) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const), side }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("break" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("die" as const), side, when: fc.constantFrom("before", "after") }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("slice" as const), side, slices: fc.nat(3) }) },
);

function happen(modules: TestModules, what: typeof event extends fc.Arbitrary<infer E> ? E : never): void {
  switch (what.kind) {
    case "deliver":
      for (let times = 0; times <= what.times; times++) {
        modules.deliver(what.to);
        modules.deliver(what.to === "sender" ? "receiver" : "sender");
      }
      return;
    case "settle":
      return modules.settle();
    case "tick":
      return modules.tick(what.ms);
    case "crash":
      return modules.restart(what.side);
    case "break":
      return modules.connect();
    case "die":
      modules.ends[what.side].store.crash = what.when;
      return;
    case "slice":
      modules.deliver(what.side, what.slices);
  }
}

/** A block that is signed, as all are until there is authentication key, takes as long as seven others. */
const isNew = fc.constantFrom(true, false, false);

test.each([
  ["bb84", SHORT, undisturbed, 15],
  ["fake", FAKE, connected(FAKE), 100],
] as const)(
  "%s: whatever breaks, both ends have a block or neither, equal, once, under key used once",
  (_, settings, begun, n) => {
    fc.assert(
      fc.property(isNew, fc.array(event, { minLength: 8, maxLength: 40 }), (startsAnew, events) => {
        const modules = startsAnew ? new TestModules(settings) : begun.copied();
        modules.connect();
        for (const what of events) happen(modules, what);
        for (const each of Object.values(modules.ends)) each.store.crash = null;
        modules.connect();
        modules.settle();
        modules.tick();
        modules.settle();
        expect(textOf(keysOf(modules, "receiver"))).toEqual(textOf(keysOf(modules, "sender")));
        expect(keysOf(modules, "sender").size).toBeGreaterThan(startsAnew ? 0 : keysOf(begun, "sender").size);
        expect([modules.ends.sender.twice, modules.ends.receiver.twice]).toEqual([[], []]);
        expect(new Set(modules.slots).size).toBe(modules.slots.length);
        expect(new Set(modules.blocks).size).toBe(modules.blocks.length);
      }),
      runs(n),
    );
  },
);
