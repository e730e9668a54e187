import { expect, test } from "vitest";
import { figuresOf } from "./figures.ts";
import { RELAY_GOALS } from "./goals.ts";
import type { RatesResult, RelayResults } from "./measures.ts";
import { sectionOf } from "./section.ts";

const rate = (hops: number, done: number): RatesResult => ({
  hops,
  askedPerS: 200,
  due: 1000,
  done,
  refused: 1000 - done,
  refusals: done === 1000 ? {} : { "link-budget": 1000 - done },
  perS: done / 5,
  count: done,
  p50Ms: hops,
  p99Ms: 10 * hops,
  checkedKeys: done,
  warmBits: 25_600,
  cpuMsPerTrip: 2,
  spentBits: hops === 1 ? 0 : 1_010_000 * hops,
  relayedBits: hops === 1 ? 0 : 1_000_000,
});
const results: RelayResults = {
  rates: [rate(1, 1000), rate(2, 990), rate(3, 980), rate(5, 950)],
  first: [
    { hops: 2, encMs: [4, 6, 8], everEncMs: [20, 22] },
    { hops: 5, encMs: [10, 20, 30], everEncMs: [40, 50, 60] },
  ],
  many: { count: 5000, perS: 1000, p50Ms: 60, p99Ms: 170, checkedKeys: 5000 },
  fills: [
    { hops: 2, rounds: [{ bytes: 6e6, ms: 1000, cpuMs: 900 }], spentBits: 2 * 8 * 6.003e6 },
    {
      hops: 5,
      rounds: [
        { bytes: 2e6, ms: 1000, cpuMs: 1000 },
        { bytes: 9e6, ms: 3000, cpuMs: 3000 },
        { bytes: 5e6, ms: 1000, cpuMs: 1000 },
      ],
      spentBits: 5 * 8 * 16.16e6,
    },
  ],
  single: { hops: 5, calls: 100, ms: 1000, bytes: 3200, spentBits: 100 * 5 * 512 },
};
const facts = { command: "npm run bench:relay", machine: "2 cores", date: "2026-11-22" };

test("figures under fixed names", () => {
  expect(figuresOf(results)).toMatchObject({
    ratePerS_1hops: 200,
    rateRefused_5hops: 0.05,
    rateP99Ms_3hops: 30,
    otpBitsPerKeyBitPerHop_rate5hops: 1.01,
    rate5hopVs1hop: 0.95,
    drawnVsWarm: 9.5,
    coldMsPerHop_2hops: 3,
    coldMsPerHop: 4,
    coldP99MsPerHop: 6,
    firstEverMsPerHop: 10,
    firstEverP99MsPerHop: 12,
    manyPerS: 1000,
    relayBytesPerSPerHop_2hops: 6_000_000,
    relayBytesPerSPerHop: 3_000_000,
    relayCpuMsPerMBPerHop: 66.6,
    otpBitsPerKeyBitPerHop: 1.01,
    otpBitsPerKeyBitPerHop_single: 2,
    singleMsPerHop: 2,
  });
});

test("all figures are numbers, and those to be reached are among them", () => {
  const figures = figuresOf(results);
  expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  for (const { figure } of RELAY_GOALS) expect(figures).toHaveProperty(figure);
  expect(figures).not.toHaveProperty("otpBitsPerKeyBitPerHop_rate1hops");
});

test("what was not measured is absent", () => {
  expect(figuresOf({})).toEqual({});
  expect(sectionOf({}, facts)).not.toContain("keys");
});

test("the section holds command, machine, goals, every part and what was checked", () => {
  const section = sectionOf(results, facts);
  for (const text of [
    "npm run bench:relay",
    "2 cores",
    "at most 1.02",
    "5 %",
    "3 hops, 20 link-budget; 5 hops, 50 link-budget.",
    "64 connections",
    "100 relays of one key",
  ]) {
    expect(section).toContain(text);
  }
  // 3920 at a rate, 11 first ones, 5000 of many.
  expect(section).toContain("8,931 keys");
});
