import { expect, test } from "vitest";
import { alarmsOf, byObject, clearPath, worstOf } from "./alarms.ts";
import { detailInWords } from "./audit.ts";
import { fieldFaults } from "./faults.ts";
import { ago, bits, count, duration, emptyIn, milliseconds, percent, perSecond, rate } from "./figures.ts";
import { byHealth, healthCounts } from "./health.ts";
import { labelAt, levelOf, newRelays, pathThrough, saidOf, towards, widthOf } from "./map.ts";
import { HOME, hashOf, routeOf } from "./route.ts";
import { agentWord } from "./sites.ts";
import { alarmOf, AT, chainView, linkOf, nodeAt, relayOf } from "./testing/view.ts";
import { totalsOf } from "./totals.ts";

/** Thin blanks are hard to see here. */
const plain = (text: string): string => text.replaceAll("\u202f", " ");

test.each([
  [bits(0), "0 bit"],
  [bits(999), "999 bit"],
  [bits(1000), "1 kbit"],
  [bits(999_600), "1 Mbit"],
  [bits(41_943_040), "41.9 Mbit"],
  [bits(null), "–"],
  [rate(2304.4), "2.3 kbit/s"],
  [rate(0.25), "0.25 bit/s"],
  [perSecond(100.04), "100/s"],
  [percent(0.0213), "2.13 %"],
  [percent(null), "–"],
  [milliseconds(12.34), "12.3 ms"],
  [milliseconds(1500), "1.5 s"],
  [count(1_204_000), "1,204,000"],
  [duration(0.4), "0.4 s"],
  [duration(59), "59 s"],
  [duration(7500), "2 h 5 min"],
  [duration(86_400 * 123), "123 d"],
  [duration(null), "–"],
])("figures read %j", (text, expected) => expect(plain(text)).toBe(expected));

test("when a pool is empty: what is not known, or empty already, is not said to last", () => {
  const pool = { available_bits: 4096, key_rate_bps: 10, use_rate_bps: 20, empty_in_s: null };
  const others = [{ empty_in_s: 90 }, { available_bits: 0 }, { available_bits: null }, { use_rate_bps: null }];
  const said = [{}, ...others].map((other) => plain(emptyIn({ ...pool, ...other })));
  expect(said).toEqual(["never", "1 min 30 s", "empty", "–", "–"]);
});

test("how long ago, by a clock that may be behind", () => {
  const atMs = Date.parse(AT);
  expect([-5000, 1000, 59_000, 7_200_000].map((ms) => plain(ago(AT, atMs + ms)))).toEqual([
    "now",
    "now",
    "59 s ago",
    "2 h ago",
  ]);
});

test("routes lead where they say, and home where they lead nowhere", () => {
  for (const route of [
    HOME,
    { page: "alarms" },
    { page: "pairs", id: "tn-1|tn-4#60" },
    { page: "links", id: "a/b %" },
  ] as const)
    expect(routeOf(hashOf(route))).toEqual(route);
  for (const hash of ["", "#", "#/nowhere", "#/links", "#/links/", "#/links/%E0%A4%A", "#/__proto__/x"])
    expect(routeOf(hash)).toEqual(HOME);
});

test("health: worst first, counted", () => {
  const nodes = [nodeAt("n10"), nodeAt("n9"), nodeAt("n1", { health: "degraded" }), nodeAt("n2", { health: "down" })];
  expect(nodes.toSorted(byHealth).map(({ id }) => id)).toEqual(["n2", "n1", "n9", "n10"]);
  expect(healthCounts(nodes)).toEqual([
    ["down", 1],
    ["degraded", 1],
    ["ok", 2],
  ]);
});

test("lines are as wide as key is fast, within bounds", () => {
  const widths = [null, 0, 100, 10_000, 1_000_000, 1e7, 1e12].map(widthOf);
  expect(widths).toEqual(widths.toSorted((a, b) => a - b));
  expect([widths[0], widths.at(-1)]).toEqual([2, 9]);
});

test("a link's label says what is wrong, or the rate, or that its pool is full", () => {
  expect(plain(saidOf(linkOf("a", "b", { key_rate_bps: 2300 })))).toBe("2.3 kbit/s");
  expect(saidOf(linkOf("a", "b", { health: "unknown" }))).toBe("Unknown");
  expect(saidOf(linkOf("a", "b", { level: "high", key_rate_bps: 0 }))).toBe("full");
});

test("a pool's level and watermarks are shares of what is drawn", () => {
  expect(levelOf(linkOf("a", "b", { available_bits: 50, low_bits: 10, high_bits: 80, capacity_bits: 1000 }))).toEqual({
    filled: 0.5,
    low: 0.1,
    high: 0.8,
  });
  expect(
    levelOf(linkOf("a", "b", { available_bits: 5000, low_bits: 0, high_bits: 0, capacity_bits: 1000 })).filled,
  ).toBe(1);
  expect(levelOf(linkOf("a", "b", { available_bits: null, low_bits: null, high_bits: null })).filled).toBeNull();
});

test("relays that have not been seen are drawn, the oldest first, no more than were wished; those without a way are not", () => {
  const relays = ["r4", "r3", "r2", "r1"].map((id) => relayOf(id, ["a", "b", "c"]));
  const view = chainView({ relays: [relayOf("r5", ["a"]), ...relays] });
  expect(newRelays(view, new Set(["r1"]), 2).map(({ id }) => id)).toEqual(["r3", "r4"]);
});

const at = (x: number) => ({ x, y: 0 });

test("a link's label stands in its middle, or clear of the caption below its upper node", () => {
  expect(labelAt({ x: 0, y: 0 }, { x: 300, y: 40 })).toEqual({ x: 150, y: 20 });
  expect(labelAt({ x: 10, y: 300 }, { x: 10, y: 0 })).toEqual({ x: 10, y: 150 });
  expect(labelAt({ x: 120, y: 120 }, { x: 0, y: 0 }).y).toBeCloseTo(71);
  expect(labelAt({ x: 0, y: 0 }, { x: 0, y: 100 })).toEqual({ x: 0, y: 62 });
  expect(labelAt({ x: 0, y: 5 }, { x: 50, y: 5 })).toEqual({ x: 25, y: 5 });
});

test("a way begins and ends at the edges of nodes", () => {
  expect(pathThrough([at(0), at(100), at(200)], 20)).toBe("M20.0 0.0L100.0 0.0L180.0 0.0");
  expect(pathThrough([at(0)], 20)).toBe("");
  expect(towards(at(0), at(10), 20)).toEqual(at(5));
  expect(towards(at(3), at(3), 20)).toEqual(at(3));
});

test("alarms of an entity, the worst that nobody has seen, and where they are cleared", () => {
  const pair = alarmOf("twin-mismatch", { kind: "pair", id: "tn-1|tn-4#60" }, { severity: "critical" });
  const node = alarmOf("stuck", { kind: "ipsec", id: "tn-1" }, { acknowledged: { by: "o", at: AT, note: "" } });
  expect(alarmsOf([pair, node], ["node", "ipsec"], "tn-1")).toEqual([node]);
  expect([worstOf([pair, node]), worstOf([node]), worstOf([])]).toEqual(["critical", null, null]);
  expect(clearPath(pair)).toBe("/api/v1/pairs/tn-1%7Ctn-4/alarms/twin-mismatch");
  expect(clearPath(node)).toBe("/api/v1/nodes/tn-1/ipsec/alarms/stuck");
  // The Monitor raises these itself and takes them back itself.
  expect(clearPath(alarmOf("pool-low", { kind: "link", id: "l" }))).toBeNull();
  expect(clearPath(alarmOf("no-identity", { kind: "deployment", id: "deployment" }))).toBeNull();
});

test("alarms of one object stand together, where the first of them stood", () => {
  const [link, node] = [
    { kind: "link", id: "a" },
    { kind: "node", id: "a" },
  ] as const;
  const groups = byObject([alarmOf("1", link), alarmOf("2", node), alarmOf("3", link)]);
  expect(groups.map(({ of, alarms }) => [of, alarms.map(({ code }) => code)])).toEqual([
    [link, ["1", "3"]],
    [node, ["2"]],
  ]);
});

test("faults stand at the fields they are about, and others with their place", () => {
  const faults = [
    { pointer: "/links/2/key_rate_bps", message: "shall be a whole number" },
    { pointer: "/links/2/module/loss_db", message: "shall be at most 100" },
    { pointer: "/links/2", message: "a second link between these nodes" },
    { pointer: "/links/21/id", message: "elsewhere" },
  ];
  expect(fieldFaults(faults, "/links/2")).toEqual({
    fields: { key_rate_bps: "shall be a whole number", module: "shall be at most 100" },
    others: ["a second link between these nodes", "/links/21/id: elsewhere"],
  });
});

test("details of records, in words and bounded", () => {
  expect(detailInWords({ keys: 2, peer: "sae-b", none: null, empty: "", list: [1] })).toBe(
    "keys 2 · peer sae-b · list [1]",
  );
  expect(detailInWords({ long: "x".repeat(1000) })).toHaveLength(160);
});

const site = (states: readonly ("active" | "standby" | "absent")[] | null) =>
  agentWord({
    id: "s",
    health: "ok",
    reasons: [],
    alarms: 0,
    nodes: [],
    services: null,
    streams: null,
    waiting_bytes: null,
    agents: states?.map((state) => ({ agent: "a", state, connected_since: null })) ?? null,
  });

const operation = (id: string, p99: number | null) => ({
  id,
  requests_per_s: 2,
  errors_per_s: 0.5,
  p50_ms: null,
  p99_ms: p99,
});

test("a site's tunnel in a word", () => {
  expect([site(null), site([]), site(["absent", "active"]), site(["standby", "absent"]), site(["absent"])]).toEqual([
    "agent not known",
    null,
    "agent up",
    "agent standing by",
    "agent absent",
  ]);
});

test("totals are of what is known", () => {
  const links = [linkOf("a", "b", { available_bits: 5 }), linkOf("b", "c", { available_bits: null })];
  expect(totalsOf({ links, operations: [operation("x", 3), operation("y", 9), operation("z", null)] })).toMatchObject({
    availableBits: 5,
    requestsPerS: 6,
    errorsPerS: 1.5,
    slowest: { id: "y", p99Ms: 9 },
  });
  expect(totalsOf({ links: [], operations: [] })).toMatchObject({ availableBits: null, slowest: null });
});
