import { expect, test } from "vitest";
import { figuresOf } from "./figures.ts";
import { HYBRID_GOALS } from "./goals.ts";
import type { HybridResults, SessionsRound } from "./measures.ts";
import { sectionOf } from "./section.ts";

const latency = (p50Ms: number) => ({ count: 100, p50Ms, p99Ms: 10 * p50Ms });
const rate = (perS: number) => ({ ...latency(1000 / perS), perS, checkedKeys: 5, cpu: { engineMs: 0.5, agentsMs: 2 } });
const session = (perS: number): SessionsRound => ({
  ...rate(perS),
  open: latency(2),
  getKey: latency(0.5),
  close: latency(0.3),
});
const stall = (longestMs: number) => ({ answers: 100, p50Ms: 0.3, longestMs });
const stalls = (engine: number, agents: number) => ({
  engine: stall(engine),
  initiator: stall(agents),
  responder: stall(agents / 2),
});
const results: HybridResults = {
  kems: [
    { name: "ML-KEM-768", generatePerS: 9000, encapsulatePerS: 8000, decapsulatePerS: 7000 },
    { name: "BIKE-L5", generatePerS: 9, encapsulatePerS: 8, decapsulatePerS: 7 },
  ],
  getKey: [
    { pairs: 1, rounds: [rate(500), rate(1000), rate(2000)] },
    { pairs: 8, rounds: [rate(3000)] },
  ],
  sessions: [
    { pairs: 1, rounds: [session(100), session(200), session(150)] },
    { pairs: 8, rounds: [session(300)] },
  ],
  stalls: {
    cases: [
      { kind: "idle", name: "nothing", rounds: [stalls(1, 2)] },
      { kind: "engine", name: "ML-KEM-768", rounds: [stalls(9, 1), stalls(900, 1), stalls(12, 1)] },
      { kind: "engine", name: "Kyber512", rounds: [stalls(3, 1)] },
      { kind: "agents", name: "BIKE-L5", rounds: [stalls(4, 5)] },
      { kind: "agents", name: "HQC-256", rounds: [stalls(6, 7)] },
    ],
    exchanges: 20,
    sessions: 2,
  },
};
const facts = { command: "npm run bench:hybrid", machine: "2 cores", date: "2026-11-22" };

test("figures under fixed names", () => {
  expect(figuresOf(results)).toMatchObject({
    sessionsPerS_c1: 150,
    sessionsPerS_c8: 300,
    getKeyP50Ms: 1,
    engineMaxBlockMs: 12,
    engineMaxBlockMs_anyRound: 900,
    engineMaxBlockMs_agents: 6,
    agentMaxBlockMs: 7,
    agentMaxBlockMs_idle: 2,
    mlkem768EncapsPerS: 8000,
    "decapsPerS_BIKE-L5": 7,
  });
});

test("all figures are numbers, and those to be reached are among them", () => {
  const figures = figuresOf(results);
  expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  for (const { figure } of HYBRID_GOALS) expect(figures).toHaveProperty(figure);
});

test("what was not measured is absent", () => {
  expect(figuresOf({})).toEqual({});
  expect(sectionOf({}, facts)).not.toContain("keys");
});

test("the section holds command, machine, goals, every part and what was checked", () => {
  const section = sectionOf(results, facts);
  for (const text of ["npm run bench:hybrid", "2 cores", "at least 31.2", "at least 240", "HQC-256", "ML-KEM-768"]) {
    expect(section).toContain(text);
  }
  // 8 rounds of 5 keys.
  expect(section).toContain("40 keys");
});
