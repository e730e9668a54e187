import { describe, expect, test } from "vitest";
import type {
  MonitorLink,
  MonitorPair,
  MonitorSite,
  MonitorStream,
  MonitorView,
} from "../../shared/api/monitor-schemas.ts";
import { BIT_STATES } from "../../shared/keypool/types.ts";
import { useCliEdge } from "../../test/support/cli-edge.ts";

const { replies, qkd, like, seen } = useCliEdge();

const ledger = Object.fromEntries(BIT_STATES.map((state) => [state, 0])) as NonNullable<MonitorLink["ledger_bits"]>;
const link: MonitorLink = {
  id: "tn-1-tn-2",
  health: "degraded",
  reasons: ["its pool is low"],
  alarms: 1,
  nodes: ["tn-1", "tn-2"],
  source: "bb84",
  simulated: false,
  level: "low",
  available_bits: 1_000_000,
  low_bits: 2_000_000,
  high_bits: 4_000_000,
  capacity_bits: 8_000_000,
  key_rate_bps: 1000.4,
  use_rate_bps: 5000,
  empty_in_s: 3700,
  qber: 0.0234,
  module_state: "running",
  relays_may_use: true,
  ledger_bits: ledger,
  conserved: true,
};
const unknown: MonitorLink = {
  ...link,
  id: "tn-2-tn-3",
  health: "unknown",
  reasons: [],
  alarms: 0,
  source: "push",
  simulated: null,
  level: null,
  available_bits: null,
  low_bits: null,
  high_bits: null,
  key_rate_bps: null,
  use_rate_bps: null,
  empty_in_s: null,
  qber: null,
  ledger_bits: null,
  conserved: null,
};
const pair: MonitorPair = {
  id: "tn-1|tn-3#60",
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: ["tn-1", "tn-3"],
  disjoint_paths: 1,
  level: "normal",
  available_bits: 4096,
  target_bits: 8192,
  key_rate_bps: 0,
  use_rate_bps: 0,
  empty_in_s: null,
};
const site: MonitorSite = {
  id: "site-a",
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: ["tn-1"],
  agents: [
    { agent: "agent-a", state: "active", connected_since: "2026-01-01T00:00:00.000Z" },
    { agent: "agent-b", state: "absent", connected_since: null },
  ],
  services: ["kme", "netconf"],
  streams: 2,
  waiting_bytes: 1024,
};
const silent: MonitorSite = {
  ...site,
  id: "site-b",
  health: "down",
  agents: null,
  services: null,
  streams: null,
  waiting_bytes: null,
};
const stream: MonitorStream = {
  id: "5b3f2c1e-0000-4000-8000-000000000001",
  nodes: ["tn-1", "tn-2"],
  saes: ["sae-a", null],
  chunk_bytes: 32,
  delivered_chunks: 12_345,
};
const at = "2026-01-01T00:00:10.000Z";

const sees = (more: Partial<MonitorView>): void => {
  const lists = {
    nodes: [],
    links: [],
    pairs: [],
    sites: [],
    relays: [],
    streams: [],
    alarms: [],
    operations: [],
    audit: [],
  };
  const view = { at, sequence: 1, document_version: 1, name: "demo", period_ms: 1000, ...lists, ...more };
  replies["GET /api/v1/monitor"] = [{ status: 200, json: view }];
};
/** Cells of each line; two blanks stand between any two. */
const cells = (out: string): string[][] => out.split("\n").map((row) => row.split(/ {2,}/));

describe("links", () => {
  test("a row for each; what is not known is -, what is wrong stands below", async () => {
    sees({ links: [link, unknown] });
    const result = await qkd("links");
    expect([result.code, result.err]).toEqual([0, ""]);
    expect(cells(result.out)).toEqual([
      [
        "link",
        "nodes",
        "health",
        "source",
        "level",
        "available bits",
        "in bit/s",
        "out bit/s",
        "empty in",
        "QBER",
        "alarms",
      ],
      [
        "tn-1-tn-2",
        "tn-1 - tn-2",
        "degraded",
        "bb84",
        "low",
        "1,000,000",
        "1,000",
        "5,000",
        "1 h 1 min",
        "2.34 %",
        "1",
      ],
      ["tn-2-tn-3", "tn-1 - tn-2", "unknown", "push", "unknown", "-", "-", "-", "-", "-", "0"],
      ["tn-1-tn-2 is degraded: its pool is low"],
    ]);
    expect(seen[0]?.headers.authorization).toBe("Bearer a-token-of-the-tests");
  });

  test("only those that are named; a slip is answered with what was meant", async () => {
    sees({ links: [link, unknown] });
    expect(JSON.parse((await qkd("links", "tn-2-tn-3", "--json")).out)).toEqual({ at, links: [unknown] });
    const wrong = await qkd("links", "tn-2-tn-4");
    expect([wrong.code, wrong.err]).toEqual([1, 'qkd: no link "tn-2-tn-4". Did you mean "tn-2-tn-3"?']);
  });

  test("words have colours on a terminal that shows them, and columns stay in line; JSON, --no-color and NO_COLOR have none", async () => {
    sees({ links: [link, unknown] });
    const plain = (await qkd("links")).out;
    like.colours = true;
    const coloured = (await qkd("links")).out;
    expect(coloured).toContain("\u001b[33mdegraded\u001b[0m");
    expect(coloured).toContain("\u001b[2munknown\u001b[0m");
    // oxlint-disable-next-line no-control-regex -- as terminals have it
    expect(coloured.replaceAll(/\u001b\[\d+m/g, "")).toBe(plain);
    expect((await qkd("links", "--no-color")).out).toBe(plain);
    expect((await qkd("--no-color", "links")).out).toBe(plain);
    expect((await qkd("links", "--json")).out).not.toContain("\u001b");
  });
});

test("pools: of links and of relayed key, with their marks", async () => {
  sees({ links: [link, { ...unknown, conserved: false }], pairs: [pair] });
  expect(cells((await qkd("pools")).out).slice(1, 4)).toEqual([
    ["tn-1-tn-2", "tn-1 - tn-2", "low", "1,000,000", "2,000,000", "4,000,000", "8,000,000", "1 h 1 min", "yes"],
    ["tn-2-tn-3", "tn-1 - tn-2", "unknown", "-", "-", "-", "8,000,000", "-", "NO"],
    ["tn-1|tn-3#60", "tn-1 - tn-3", "normal", "4,096", "8,192", "-", "-", "-", "-"],
  ]);
  expect(JSON.parse((await qkd("pools", "tn-1|tn-3#60", "--json")).out)).toEqual({ at, pools: [pair] });
});

test("tunnels: a row for each agent of a site", async () => {
  sees({ sites: [site, silent] });
  expect(cells((await qkd("tunnels")).out)).toEqual([
    ["site", "nodes", "health", "agent", "state", "since", "streams", "waiting bytes", "services"],
    ["site-a", "tn-1", "ok", "agent-a", "active", "2026-01-01T00:00:00.000Z", "2", "1,024", "kme netconf"],
    ["", "agent-b", "absent", "-"],
    ["site-b", "tn-1", "down", "-", "-", "-", "-", "-", "-"],
  ]);
});

test("streams: whose they are, and how far", async () => {
  sees({ streams: [stream] });
  expect(cells((await qkd("streams")).out)).toEqual([
    ["KSID", "nodes", "SAEs", "chunk bytes", "delivered"],
    [stream.id, "tn-1 - tn-2", "sae-a - ?", "32", "12,345"],
  ]);
  sees({});
  expect((await qkd("streams")).out).toBe("no stream");
});
