import { describe, expect, test } from "vitest";
import { parseOptions, scenariosOf } from "./options.ts";
import { measuredSection, ratiosOf, replaceMeasured, tableOf, type ScenarioResult } from "./report.ts";

const figures = (roundTripsPerS: number, keys: number, p99Ms: number) => ({
  roundTripsPerS,
  keysPerS: roundTripsPerS * keys,
  p50Ms: p99Ms / 2,
  p99Ms,
});
const result = (connections: number, keysPerRequest: number, kme: readonly number[]): ScenarioResult => ({
  scenario: { connections, keysPerRequest },
  rounds: kme.map((rate) => ({ noop: figures(1000, keysPerRequest, 10), kme: figures(rate, keysPerRequest, 40) })),
  checkedKeys: 5,
  engineRssBytes: 64 * 2 ** 20,
});
const results = [result(16, 1, [250, 100, 300]), result(64, 1, [400]), result(16, 100, [300])];

test("ratios are medians of each round's own ratio, under fixed names", () => {
  expect(ratiosOf(results)).toEqual({
    roundTripsVsNoop_c16: 0.25,
    p99VsNoop_c16: 4,
    roundTripsVsNoop_c64: 0.4,
    p99VsNoop_c64: 4,
    keysVsNoop_n100: 0.3,
    p99VsNoop_n100: 4,
  });
});

test("the table has one aligned line a scenario", () => {
  const lines = tableOf(results).split("\n");
  expect(lines).toHaveLength(2 + results.length);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

describe("the section in results.md", () => {
  const section = measuredSection(results, { command: "npm run bench", machine: "2 cores" });

  test("replaces the one before, and nothing else", () => {
    const document = "# A\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n";
    const once = replaceMeasured(document, section);
    expect(once).toContain("npm run bench");
    expect(once).not.toContain("old");
    expect(once.endsWith("after\n")).toBe(true);
    expect(replaceMeasured(once, section)).toBe(once);
  });

  test("needs its marks", () => {
    expect(() => replaceMeasured("# A", section)).toThrow("measured: begin");
  });
});

describe("options", () => {
  test("defaults, and the scenarios they mean", () => {
    expect(parseOptions([])).toEqual({ seconds: 5, rounds: 3, connections: [16, 64], json: null, quick: false });
    expect(parseOptions(["--quick"])).toMatchObject({ seconds: 1, rounds: 1, quick: true });
    expect(scenariosOf([16, 64])).toEqual([
      { connections: 16, keysPerRequest: 1 },
      { connections: 64, keysPerRequest: 1 },
      { connections: 16, keysPerRequest: 100 },
    ]);
  });

  test.each([
    ["--seconds", "0"],
    ["--connections", "16,x"],
    ["--rounds", "1.5"],
    ["--frob", "1"],
  ])("%s %s is refused", (...argv) => {
    expect(() => parseOptions(argv)).toThrow(argv[0]);
  });
});
