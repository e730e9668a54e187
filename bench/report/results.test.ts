import { describe, expect, test } from "vitest";
import type { Usage } from "../cost/prices.ts";
import { parseOptions, pendingPlanOf } from "../options.ts";
import { replaceMeasured } from "./document.ts";
import { GOALS, goalsText } from "./goals.ts";
import { markdownTable } from "./markdown.ts";
import { figuresOf, type Results, sectionOf } from "./results.ts";
import type { ScenarioResult } from "./scenarios.ts";

const MB = 1_000_000;
const measured = (perS: number, keys: number, p99Ms: number) => ({
  perS,
  keysPerS: perS * keys,
  p50Ms: p99Ms / 2,
  p99Ms,
  checkedKeys: 5,
});
const scenario = (connections: number, keysPerRequest: number, kme: readonly number[]): ScenarioResult => ({
  scenario: { connections, keysPerRequest },
  rounds: kme.map((perS) => ({
    noop: measured(1000, keysPerRequest, 10),
    kme: measured(perS, keysPerRequest, 30),
    cpu: { engineMs: 0.5, frontsMs: 0.25, noopMs: 0.25 },
  })),
  memory: { engineBytes: 200 * MB, frontsBytes: 100 * MB },
  noopBytes: 100 * MB,
});
const fetches = (perS: number) => ({ perS, p50Ms: 1, p99Ms: 2 });
const usage = (keys: number): Usage => ({
  keys,
  seconds: 1,
  workerRequests: 10,
  objectRequests: 10,
  rowsWritten: 20,
  rowsRead: 30,
  storedBytes: 4096,
  objects: 4,
});
const results: Results = {
  scenarios: [
    scenario(1, 1, [100]),
    scenario(16, 1, [250, 100, 300]),
    scenario(64, 1, [400]),
    scenario(16, 100, [300]),
    scenario(64, 100, [500]),
  ],
  memory: {
    samples: [0, 100, 200].map((keys) => ({ keys, engineBytes: (100 + keys) * MB, frontsBytes: 90 * MB })),
    checkedKeys: 7,
  },
  pending: {
    plan: pendingPlanOf(parseOptions([])),
    firstMs: [
      { "1e6": 50, "1e5": 15, "1e3": 10 },
      { "1e6": 70, "1e5": 25, "1e3": 20 },
      { "1e6": 60, "1e5": 35, "1e3": 30 },
    ],
    turns: [900, 500, 990].map((perS) => ({ "1e6": fetches(perS), "1e5": fetches(900), "1e3": fetches(1000) })),
    checkedKeys: 3,
  },
  cost: { material: usage(100), cases: [{ keysPerRequest: 100, atOnce: 64, usage: usage(1000) }] },
};

test("figures under fixed names: medians of each round's own ratio, growth after the first sample with keys", () => {
  expect(figuresOf(results)).toMatchObject({
    roundTripsVsNoop_c1: 0.1,
    roundTripsVsNoop_c16: 0.25,
    roundTripsVsNoop_c64: 0.4,
    keysVsNoop_n100: 0.5,
    keysVsNoop_n100_c16: 0.3,
    p99VsNoop_c64: 3,
    rate1e6VsRate1e3: 0.9,
    rate1e6VsRate1e5: 1,
    firstAnswerMs: 60,
    firstAnswerWorstMs: 70,
    cpuVsNoop_c16: 3,
    engineCpuMs_n100: 0.5,
    memoryVsNoop_c64: 3,
    rssGrowthMB: 100,
    rssGrowthKeys: 200,
    // 20 rows for 1,000 keys, and 20 for the material of 100.
    rowsWrittenPerMKeys_n100_c64: 220_000,
  });
});

test("all figures are numbers, and those to be reached are among them", () => {
  const figures = figuresOf(results);
  expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  for (const { figure } of GOALS) expect(figures).toHaveProperty(figure);
});

test("what was not measured is absent", () => {
  expect(figuresOf({})).toEqual({});
  const only = figuresOf({ memory: { samples: [], checkedKeys: 0 } });
  expect(Object.keys(only)).toEqual(["rssGrowthMB", "rssGrowthKeys", "frontsRssGrowthMB"]);
});

test("bounds are met or not, from either side", () => {
  const lines = goalsText(GOALS, { roundTripsVsNoop_c16: 0.24, p99VsNoop_c64: 4 }).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[2]).toMatch(/0\.24 \| at least 0\.25 \| +no \|$/);
  expect(lines[3]).toMatch(/4 \| +at most 4 \| +yes \|$/);
});

test("a table's lines are of one length", () => {
  const lines = markdownTable(["a", "long heading"], [["cell", "1"]]).split("\n");
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

const block = (mark: string) => `<!-- ${mark}: begin -->\n\nold ${mark}\n\n<!-- ${mark}: end -->\n`;

describe("the section in results.md", () => {
  const section = sectionOf(results, { command: "npm run bench", machine: "2 cores", date: "2026-11-21" });

  test("holds command, machine, date, every part and what was checked", () => {
    for (const text of ["npm run bench", "2 cores", "2026-11-21", "## Round trips", "## Memory", "## Pending keys"]) {
      expect(section).toContain(text);
    }
    expect(section).toContain("$0.3 a million");
    expect(section).toContain("https://developers.cloudflare.com/durable-objects/platform/pricing/");
    // 7 rounds of 5 keys, and 7, and 3.
    expect(section).toContain(`of ${7 * 5 + 7 + 3} keys`);
  });

  test("replaces the one before, and nothing else", () => {
    const document = "# A\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n";
    const once = replaceMeasured(document, section, "measured");
    expect(once).toContain("npm run bench");
    expect(once).not.toContain("old");
    expect(once.endsWith("after\n")).toBe(true);
    expect(replaceMeasured(once, section, "measured")).toBe(once);
  });

  test("of one bench leaves that of another alone", () => {
    const document = `${block("measured")}between\n${block("tunnel")}`;
    const changed = replaceMeasured(document, "new", "tunnel");
    expect(changed).toBe(document.replace("old tunnel", "new"));
  });

  test("needs its marks", () => {
    expect(() => replaceMeasured("# A", section, "measured")).toThrow("measured: begin");
  });
});
