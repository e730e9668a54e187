import { expect, test } from "vitest";
import { figuresOf } from "./figures.ts";
import { IPSEC_GOALS } from "./goals.ts";
import type { HundredRound, IpsecResults, OneRound } from "./measures.ts";
import { sectionOf } from "./section.ts";

const cpu = { engineMs: 3, agentsMs: 9 };
const one = (p50Ms: number): OneRound => ({
  sa: { count: 50, p50Ms, p99Ms: 3 * p50Ms },
  netconf: { count: 50, p50Ms: p50Ms / 4, p99Ms: p50Ms },
  cpu,
  checkedKeys: 50,
});
const hundred = (tookMs: number): HundredRound => ({ tookMs, netconfMs: tookMs / 5, cpu, checkedKeys: 200 });
const results: IpsecResults = {
  one: [one(40), one(50), one(90)],
  hundred: { tunnels: 100, whole: [hundred(2000), hundred(1500), hundred(2500)], sasOnly: [hundred(1000)] },
};
const facts = { command: "npm run bench:ipsec", machine: "2 cores", date: "2026-11-22" };

test("figures under fixed names, those to be reached among them", () => {
  const figures = figuresOf(results);
  expect(figures).toMatchObject({
    oneSaP50Ms: 50,
    oneSaP99Ms: 150,
    oneSaNetconfShare: 0.25,
    hundredTunnelsS: 2,
    hundredTunnelsLongestS: 2.5,
    hundredTunnelsNetconfS: 0.4,
    hundredTunnelsSasS: 1,
  });
  expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  for (const { figure } of IPSEC_GOALS) expect(figures).toHaveProperty(figure);
});

test("what was not measured is absent", () => {
  expect(figuresOf({})).toEqual({});
  expect(sectionOf({}, facts)).not.toContain("keys");
});

test("the section holds command, machine, goals, every part and what was checked", () => {
  const section = sectionOf(results, facts);
  for (const text of ["npm run bench:ipsec", "2 cores", "at most 60", "at most 3", "SAs alone", "950 keys"]) {
    expect(section).toContain(text);
  }
});
