import { describe, expect, test } from "vitest";
import {
  costPlanOf,
  memoryPlanOf,
  parseOptions,
  PARTS,
  PENDING_CASES,
  PENDING_KEYS,
  pendingPlanOf,
  scenariosOf,
} from "./options.ts";

describe("options", () => {
  test("defaults, and the scenarios they mean", () => {
    expect(parseOptions([])).toEqual({
      seconds: 2,
      rounds: 7,
      connections: [16, 64],
      parts: PARTS,
      json: null,
      quick: false,
    });
    expect(scenariosOf(parseOptions([]))).toEqual([
      { connections: 1, keysPerRequest: 1 },
      { connections: 16, keysPerRequest: 1 },
      { connections: 64, keysPerRequest: 1 },
      { connections: 16, keysPerRequest: 100 },
      { connections: 64, keysPerRequest: 100 },
    ]);
  });

  test("a million keys, and a million pending ones", () => {
    expect(memoryPlanOf(parseOptions([]))).toMatchObject({ keys: 1_000_000, sliceKeys: 100_000 });
    expect(PENDING_CASES.map((name) => [name, PENDING_KEYS[name]])).toEqual(Object.entries(PENDING_KEYS));
    expect(pendingPlanOf(parseOptions([]))).toMatchObject({ fetches: 300, restarts: 5 });
  });

  test("quick: less of everything but of the keys that are pending", () => {
    const [quick, full] = [parseOptions(["--quick"]), parseOptions([])];
    expect(quick).toMatchObject({ seconds: 1, rounds: 2, quick: true });
    expect(parseOptions(["--quick", "--rounds", "4"]).rounds).toBe(4);
    expect(scenariosOf(quick)).toHaveLength(3);
    expect(memoryPlanOf(quick).keys).toBeLessThan(memoryPlanOf(full).keys);
    expect(costPlanOf(quick).roundTrips).toBeLessThan(costPlanOf(full).roundTrips);
    expect(pendingPlanOf(quick).turns).toBeLessThan(pendingPlanOf(full).turns);
  });

  test("parts are measured in one order, however they are asked for", () => {
    expect(parseOptions(["--only", "cost,round-trips"]).parts).toEqual(["round-trips", "cost"]);
  });

  test("a slice is of whole requests, and what is fetched fits into what is pending", () => {
    for (const options of [parseOptions([]), parseOptions(["--quick"])]) {
      const { keys, sliceKeys } = memoryPlanOf(options);
      expect([keys % sliceKeys, sliceKeys % 100]).toEqual([0, 0]);
      expect(keys).toBeGreaterThan(sliceKeys);
      const { fetches, turns } = pendingPlanOf(options);
      expect(fetches * turns).toBeLessThan(PENDING_KEYS["1e3"]);
    }
  });

  test.each([
    ["--seconds", "0"],
    ["--connections", "16,x"],
    ["--rounds", "1.5"],
    ["--only", "memory,frob"],
    ["--frob", "1"],
  ])("%s %s is refused", (...argv) => {
    expect(() => parseOptions(argv)).toThrow(argv[0]);
  });
});
