import { describe, expect, test } from "vitest";
import { figuresOf, type TunnelResults } from "./figures.ts";
import { TUNNEL_GOALS } from "./goals.ts";
import { type Measured, MEASURE_NAMES, type Round } from "./measures.ts";
import { sectionOf } from "./section.ts";

const MB = 1_000_000;
/** Every measure the same but for those given. */
const measured = (all: number, but: Partial<Measured> = {}): Measured =>
  ({ ...Object.fromEntries(MEASURE_NAMES.map((name) => [name, all])), ...but }) as Measured;
const round = (ssh: Measured, sites: Measured): Round => ({ direct: measured(1000), ssh, sites });
const memory = {
  startBytes: 60 * MB,
  idleBytes: 100 * MB,
  streams: 1000,
  frozenClientBytes: 104 * MB,
  frozenDeviceBytes: 103 * MB,
  frozenAgentBytes: 102 * MB,
  hostileBytes: 101 * MB,
  hostileStoppedBytes: 109 * MB,
};
const results: TunnelResults = {
  rounds: [
    round(measured(100), measured(150)),
    round(measured(10), measured(30, { bulkUpMBs: 5 })),
    round(measured(200), measured(250)),
  ],
  memory,
};
const facts = { command: "npm run bench:tunnel", machine: "2 cores", date: "2026-11-21" };

describe("figures of the tunnel's bench", () => {
  test("ratios are medians of each round's own", () => {
    // 150/100, 5/10, 250/200; not 150/100, the ratio of the medians.
    expect(figuresOf(results)["bulkUpVsSsh"]).toBe(1.25);
    expect(figuresOf(results)["h2c16VsSsh"]).toBe(1.5);
  });

  test("set-up is compared with the best round of ssh, with a terminal or without", () => {
    expect(figuresOf(results)["setupVsSsh"]).toBe(15);
    const rounds = results.rounds?.map((each, at) => ({ ...each, sshTerminal: measured(at === 1 ? 5 : 50) })) ?? [];
    expect(figuresOf({ rounds })).toMatchObject({ setupVsSsh: 30, bulkUpVsSsh: 1.25, h2c16PerS_sshTerminal: 50 });
  });

  test("of pings during bulk the slower direction counts", () => {
    const slower = figuresOf({
      rounds: [round(measured(1), measured(2, { pingInBulkUpP50Ms: 3, pingInBulkDownP50Ms: 5 }))],
    });
    expect(slower).toMatchObject({ pingInBulkMs: 5, pingInBulkVsSsh: 5, pingInBulkUpP50Ms_sites: 3 });
  });

  test("memory: the worst case above idle", () => {
    expect(figuresOf(results)).toMatchObject({ frozenReceiverMB: 9, frozenClientMB: 4, hostileSenderMB: 1 });
  });

  test("all are numbers, and every goal is among them", () => {
    const figures = figuresOf(results);
    expect(Object.values(figures).every(Number.isFinite)).toBe(true);
    for (const { figure } of TUNNEL_GOALS) expect(figures).toHaveProperty(figure);
  });

  test("without ssh its figures and all ratios are absent, the others are not", () => {
    const alone = figuresOf({ rounds: [{ direct: measured(9), sites: measured(3) }], missing: ["sshd"] });
    expect(Object.keys(alone).filter((name) => /ssh/i.test(name))).toEqual([]);
    expect(alone).toMatchObject({ pingInBulkMs: 3, bulkUpMBs_sites: 3, bulkUpMBs_direct: 9 });
  });

  test("what was not measured is absent", () => {
    expect(figuresOf({})).toEqual({});
    expect(figuresOf({ memory })).not.toHaveProperty("pingInBulkMs");
  });
});

describe("the section", () => {
  test("holds facts, goals, rounds and memory", () => {
    const text = sectionOf(results, facts);
    for (const part of [
      "npm run bench:tunnel",
      "2 cores",
      "frozenReceiverMB",
      "ssh -N -R",
      "Medians of 3 rounds",
      "9.0",
    ]) {
      expect(text).toContain(part);
    }
  });

  test("says what is not installed, and has no column of it", () => {
    const text = sectionOf({ rounds: [{ direct: measured(9), sites: measured(3) }], missing: ["sshd"] }, facts);
    expect(text).toContain("Not installed: sshd.");
    expect(text).not.toContain("| ssh -");
    expect(text).not.toContain("VsSsh");
  });
});
