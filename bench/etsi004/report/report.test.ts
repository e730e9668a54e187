import { expect, test } from "vitest";
import { figuresOf } from "./figures.ts";
import { STREAM_GOALS } from "./goals.ts";
import type { GetKeyResult, StreamResults } from "./measures.ts";
import { sectionOf } from "./section.ts";

const latency = (p50Ms: number) => ({ count: 100, p50Ms, p99Ms: 10 * p50Ms });
const rate = (perS: number) => ({ ...latency(1000 / perS), perS });
const getKey = (connections: number, perS: readonly number[]): GetKeyResult => ({
  connections,
  rounds: perS.map((each) => ({ bare: rate(4000), noop: rate(2000), stream: { ...rate(each), checkedChunks: 5 } })),
});
const results: StreamResults = {
  getKey: [getKey(1, [800, 1000, 1200]), getKey(16, [900])],
  opens: { open: latency(2), join: latency(3), close: latency(1) },
  binary: { ...latency(1.5), checkedChunks: 7 },
  sampling: { seededPerS: 12e6, platformPerS: 21e6 },
  postprocess: {
    options: { blocks: 12, keyBits: 1e6, inFlight: 4, roundTripMs: 1 },
    measured: { siftedBitsPerS: 3e6, secretBitsPerS: 1e6, seconds: 4, aliceMsPerMbit: 200, bobMsPerMbit: 300 },
  },
};
const facts = { command: "npm run bench:004", machine: "2 cores", date: "2026-11-21" };

test("figures under fixed names: medians of each round's own ratio", () => {
  expect(figuresOf(results)).toMatchObject({
    getKeyVsNoop_c1: 0.5,
    getKeyVsNoop_c16: 0.45,
    getKeyVsBareNoop_c1: 0.25,
    getKeyPerS_c1: 1000,
    binaryP50Ms: 1.5,
    openP50Ms: 2,
    bb84DetectionsPerS: 12e6,
    postprocBitsPerS: 3e6,
  });
});

test("all figures are numbers, and those to be reached are among them", () => {
  const figures = figuresOf(results);
  expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  for (const { figure } of STREAM_GOALS) expect(figures).toHaveProperty(figure);
});

test("what was not measured is absent", () => {
  expect(figuresOf({})).toEqual({});
  expect(sectionOf({}, facts)).not.toContain("chunks");
});

test("the section holds command, machine, goals, every part and what was checked", () => {
  const section = sectionOf(results, facts);
  for (const text of ["npm run bench:004", "2 cores", "at least 0.4", "OPEN_CONNECT", "12 million", "1 ms there"]) {
    expect(section).toContain(text);
  }
  // 4 rounds of 5 chunks, and 7.
  expect(section).toContain("27 chunks");
});
