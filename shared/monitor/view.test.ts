import * as v from "valibot";
import { describe, expect, it, test } from "vitest";
import {
  hub,
  ledger,
  moduleAnswer,
  nodeStatus,
  NOW_MS,
  PAIRS,
  pool,
  seen,
  WATCHED,
} from "../../test/support/monitor-samples.ts";
import { type MonitorAlarm, MonitorViewSchema } from "../api/monitor-schemas.ts";
import { LIMITS } from "../limits.ts";
import { targetsOf } from "./answers.ts";
import { withAlarms } from "./health.ts";
import { viewOf } from "./view.ts";

const entity = <E extends { readonly id: string }>(list: readonly E[], id: string): E => {
  const found = list.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};
const view = (...given: Parameters<typeof seen>) => viewOf(seen(...given));
const link = (id: string, ...given: Parameters<typeof seen>) => entity(view(...given).links, id);

it("asks every object once, and nothing of other deployments", () => {
  expect(targetsOf(WATCHED, PAIRS).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    "pool a|b#0",
    "pool a|b#1",
    "pool b|c#0",
    "pool b|far#0",
    "pool a|c#60",
    "module bc@b",
    "module bc@c",
    "node a",
    "node b",
    "node c",
    "hub north",
    "hub b",
    "hub c",
    "audit deployment",
    "audit a",
    "audit b",
    "audit c",
  ]);
});

it("is what the schema says, with every part well", () => {
  const all = view();
  expect(v.parse(v.strictObject(MonitorViewSchema.entries), all)).toEqual(all);
  for (const each of [...all.nodes, ...all.links, ...all.pairs, ...all.sites])
    expect([each.id, each.health, each.reasons]).toEqual([each.id, "ok", []]);
});

const ownLink = (problem: "no-key" | null) => ({ link: "ab", peer: "b", state: null, problem });
/** As the nodes at its ends say. */
const told = (...problems: ("no-key" | null)[]) =>
  Object.fromEntries(
    ["a", "b"].map((id, at) => [id, nodeStatus(id, { links: [ownLink(problems[at] ?? null)] as never })]),
  );

describe("a link", () => {
  test("is the sum of its shards", () => {
    const shard = pool({ ledgerBits: ledger({ available: 600, pending: 40 }), simulated: true, level: "high" });
    expect(link("ab", { pools: { "a|b#1": shard } })).toMatchObject({
      available_bits: 1600,
      ledger_bits: ledger({ available: 1600, pending: 40 }),
      low_bits: 160,
      high_bits: 16_000,
      capacity_bits: 2 * 8 * WATCHED.poolCapacityBytes,
      simulated: true,
      level: "high",
    });
  });

  test("is not known where a shard does not answer, or has not been asked", () => {
    const unknown = { health: "unknown", reasons: ["no answer from its pool"], available_bits: null, level: null };
    expect(link("ab", { pools: { "a|b#1": null } })).toMatchObject(unknown);
    expect(link("ab", { pools: { "a|b#0": undefined } })).toMatchObject(unknown);
    expect(view({ pools: { "a|b#1": null } }).links.map(({ health }) => health)).toEqual(["unknown", "ok", "ok"]);
  });

  test("has the rates that were measured, or else its pools'", () => {
    const own = { pools: { "b|c#0": pool({ rates: { refillBps: 10, consumptionBps: 110 } }) } };
    expect(link("bc", own)).toMatchObject({ key_rate_bps: 10, use_rate_bps: 110, empty_in_s: 10 });
    const measured = {
      meters: { rates: (id: string) => (id === "link:bc" ? { refillBps: 5, consumptionBps: 5 } : null) },
    };
    expect(link("bc", own, measured)).toMatchObject({ key_rate_bps: 5, use_rate_bps: 5, empty_in_s: null });
  });

  test("tells the errors of the last block that told them, and the worse of its modules' states", () => {
    const modules = { "bc@b": moduleAnswer("running", 0.02, 100), "bc@c": moduleAnswer("connecting", 0.03, 200) };
    expect(link("bc", { modules })).toMatchObject({ qber: 0.03, module_state: "connecting", health: "degraded" });
    expect(link("ab")).toMatchObject({ qber: null, module_state: null });
    const givenUp = { ...modules, "bc@c": moduleAnswer("waiting", { qberX: null, qberZ: 0.25 }, 300) };
    expect(link("bc", { modules: givenUp })).toMatchObject({ qber: 0.25 });
  });

  test("may be taken by relays, or not, as the nodes at its ends say", () => {
    expect(link("ab").relays_may_use).toBeNull();
    expect(link("ab", { nodes: told(null, null) }).relays_may_use).toBe(true);
    expect(link("ab", { nodes: told(null, "no-key") })).toMatchObject({
      relays_may_use: false,
      health: "degraded",
      reasons: ["relays go around it: no-key"],
    });
  });
});

const pairWith = (more: Parameters<typeof pool>[0]) =>
  entity(view({ pools: { "a|c#60": pool(more) } }).pairs, "a|c#60");

describe("relayed key of a pair", () => {
  const relay = { hops: null, targetBytes: 100, lastFault: null, lastPaths: [] };
  const fault = { code: "no-path" as const, message: "no path to c", atMs: 0 };

  test("is named by its pool", () => {
    expect(pairWith({ relay })).toMatchObject({ nodes: ["a", "c"], disjoint_paths: 1, target_bits: 800, health: "ok" });
  });

  test.each([
    [{ level: "empty", ledgerBits: ledger({}), relay: { ...relay, targetBytes: 0 } }, "ok"],
    [{ level: "empty", ledgerBits: ledger({}), relay }, "degraded"],
    [{ level: "low", relay }, "degraded"],
    [{ level: "normal", relay: { ...relay, lastFault: fault } }, "degraded"],
    [{ level: "empty", ledgerBits: ledger({}), relay: { ...relay, lastFault: fault } }, "down"],
    [{ state: "draining", relay }, "degraded"],
  ] as const)("of %j is %s", (more, health) => {
    expect(pairWith(more as never).health).toBe(health);
  });
});

describe("a node", () => {
  const empty = pool({ level: "empty", ledgerBits: ledger({}) });
  test("is down with all its links, and degraded with some", () => {
    const { nodes } = view({ pools: { "b|c#0": empty } });
    expect(nodes.map(({ id, health }) => [id, health])).toEqual([
      ["a", "ok"],
      ["b", "degraded"],
      ["c", "down"],
      ["far", "ok"],
    ]);
  });

  test("tells what it is, and its relays", () => {
    const keys = { begun: 5, done: 2, failed: { "no-path": 1, "link-budget": 1 } };
    const status = nodeStatus("a", { relays: { sinceMs: 0, keys, troubles: {}, steps: keys } });
    const { nodes } = view({ nodes: { a: status, b: null } });
    expect(entity(nodes, "a")).toMatchObject({
      hosted: true,
      site: "north",
      saes: 2,
      neighbours: ["b"],
      relays: { begun: 5, done: 2, failed: 2 },
    });
    expect(entity(nodes, "b")).toMatchObject({ health: "unknown", reasons: ["no answer from the node"], relays: null });
    expect(entity(nodes, "far")).toMatchObject({ hosted: false, url: "https://far.example", saes: 1, site: null });
  });
});

const agentThatIs = (state: "active" | "absent") =>
  ({ agent: "agent-1", instance: "i", enrolledMs: 0, state, connectedMs: state === "active" ? 0 : null }) as const;

const siteWith = (more: Parameters<typeof hub>[1]) =>
  entity(view({ hubs: { north: hub("north", more) } }).sites, "north");

describe("a site", () => {
  test("is well without agents, and down where there is one and none is connected", () => {
    expect(siteWith({}).health).toBe("ok");
    expect(siteWith({ agents: [agentThatIs("active"), agentThatIs("absent")] })).toMatchObject({
      health: "ok",
      nodes: ["a"],
      agents: [{ state: "active", connected_since: "1970-01-01T00:00:00.000Z" }, { connected_since: null }],
    });
    expect(siteWith({ agents: [agentThatIs("absent")] })).toMatchObject({
      health: "down",
      reasons: ["no agent is connected"],
    });
  });

  test("is not known where its hub does not answer", () => {
    expect(entity(view({ hubs: { north: null } }).sites, "north")).toMatchObject({ health: "unknown", agents: null });
  });
});

const relayOf = (id: string, beganMs: number, endedMs: number | null, trouble: string | null = null) =>
  ({ id, path: ["a", "b", "c"], bytes: 32, beganMs, endedMs, trouble }) as never;

describe("what is under way", () => {
  test("are relays of late, the newest first, with their links", () => {
    const recent = [
      relayOf("new", NOW_MS - 5, null),
      relayOf("bad", NOW_MS - 50, NOW_MS - 10, "dry"),
      relayOf("done", NOW_MS - 100, NOW_MS - 60),
      relayOf("old", NOW_MS - 99_000, NOW_MS - LIMITS.monitorRelaysMs),
    ];
    const { relays } = view({ nodes: { a: nodeStatus("a", { recent }) } });
    expect(relays.map(({ id, state, reason }) => [id, state, reason])).toEqual([
      ["new", "running", null],
      ["bad", "failed", "dry"],
      ["done", "done", null],
    ]);
    expect(relays[0]).toMatchObject({ from: "a", to: "c", path: ["a", "b", "c"], links: ["ab", "bc"], bits: 256 });
  });

  test("are bounded", () => {
    const recent = Array.from({ length: LIMITS.monitorRelays + 1 }, (_, at) => relayOf(`r${at}`, NOW_MS - at, null));
    expect(view({ nodes: { a: nodeStatus("a", { recent }) } }).relays).toHaveLength(LIMITS.monitorRelays);
    const stream = { ksid: "k", nodes: ["a", "b"], saes: ["s-a", null], chunkBytes: 32, delivered: 4 };
    const streams = Array.from({ length: LIMITS.monitorStreams + 1 }, (_, at) => ({ ...stream, ksid: `k${at}` }));
    const all = view({ pools: { "a|b#0": pool({ streams: streams as never }) } }).streams;
    expect(all).toHaveLength(LIMITS.monitorStreams);
    expect(all[0]).toEqual({ id: "k0", nodes: ["a", "b"], saes: ["s-a", null], chunk_bytes: 32, delivered_chunks: 4 });
  });
});

const healthOf = (more: Parameters<typeof pool>[0], modules = {}) => {
  const { health, reasons } = link("bc", { pools: { "b|c#0": pool(more) }, modules });
  return [health, ...reasons];
};

describe("a link's health", () => {
  const none = { level: "empty", ledgerBits: ledger({}) } as const;
  const raised = { ...moduleAnswer("waiting"), alarms: [{ code: "qber-above-bound" }] };

  test.each([
    ["no key and none coming", none, {}, ["down", "no key is left, and none comes in"]],
    ["no key yet", { ...none, rates: { refillBps: 1, consumptionBps: 0 } }, {}, ["degraded", "no key is left"]],
    ["little key", { level: "low" }, {}, ["degraded", "less key is left than the low watermark"]],
    ["key for a while", { rates: { refillBps: 0, consumptionBps: 1 } }, {}, ["ok"]],
    [
      "key for seconds",
      { rates: { refillBps: 0, consumptionBps: 100 } },
      {},
      ["degraded", "empty in 10 s as it is used now"],
    ],
    ["bits astray", { conserved: false }, {}, ["degraded", "its ledger does not add up"]],
    ["too many errors", {}, { "bc@b": raised }, ["down", "more errors than any key survives"]],
    ["modules apart", {}, { "bc@b": moduleAnswer("connecting") }, ["degraded", "its modules do not reach each other"]],
    [
      "a module at rest",
      {},
      { "bc@b": { ...moduleAnswer("idle"), status: null } },
      ["degraded", "a module of it does not run"],
    ],
    [
      "unlike modules",
      {},
      { "bc@b": moduleAnswer("mismatched") },
      ["down", "its modules are not set up for one another"],
    ],
    ["a silent module", {}, { "bc@b": null }, ["unknown", "no answer from a QKD module of it"]],
  ] as const)("with %s", (_, more, modules, expected) => {
    expect(healthOf(more as never, modules)).toEqual(expected);
  });
});

const alarmOf = (more: Partial<MonitorAlarm>): MonitorAlarm => ({
  id: "1",
  code: "pool-low",
  severity: "warning",
  of: { kind: "link", id: "ab" },
  subject: "ab",
  meaning: "",
  detail: "",
  first: "2026-01-31T12:00:00.000Z",
  last: "2026-01-31T12:00:00.000Z",
  count: 1,
  cleared: null,
  acknowledged: null,
  ...more,
});

const judged = (...alarms: Partial<MonitorAlarm>[]) => withAlarms(view(), alarms.map(alarmOf));

describe("alarms", () => {
  test("count with what they are of, which is well no longer", () => {
    const all = judged({}, { code: "stuck" }, { of: { kind: "ipsec", id: "a" } });
    expect(entity(all.links, "ab")).toMatchObject({
      alarms: 2,
      health: "degraded",
      reasons: ["alarms stand: pool-low, stuck"],
    });
    expect(entity(all.nodes, "a")).toMatchObject({ alarms: 1, health: "degraded" });
    expect(entity(all.links, "bc")).toMatchObject({ alarms: 0, health: "ok" });
    expect(all.alarms).toHaveLength(3);
  });

  test("do no harm where they are for information", () => {
    const all = judged({ of: { kind: "link", id: "bc" }, severity: "info" });
    expect(entity(all.links, "bc")).toMatchObject({ alarms: 1, health: "ok", reasons: [] });
  });
});
