import { describe, expect, test } from "vitest";
import { LEAVES_EACH } from "./network.ts";
import { parseOptions, PARTS } from "./options.ts";

describe("options of the relays' bench", () => {
  test("defaults", () => {
    expect(parseOptions([])).toEqual({
      rounds: 3,
      ratesMs: 60_000,
      ratesWarmUpMs: 5000,
      leaves: LEAVES_EACH / 2,
      manyMs: 5000,
      fillMs: 3000,
      singles: 200,
      parts: PARTS,
      json: null,
      quick: false,
    });
  });

  test("quick: less of everything, unless more is asked for", () => {
    const [quick, full] = [parseOptions(["--quick"]), parseOptions([])];
    for (const figure of ["rounds", "ratesMs", "ratesWarmUpMs", "leaves", "manyMs", "fillMs", "singles"] as const) {
      expect(quick[figure]).toBeLessThan(full[figure]);
    }
    expect(parseOptions(["--quick", "--seconds", "9", "--rounds", "5"])).toMatchObject({ ratesMs: 9000, rounds: 5 });
  });

  test("parts are measured in one order", () => {
    expect(parseOptions(["--only", "single,cold"]).parts).toEqual(["cold", "single"]);
  });

  test.each([
    ["--rounds", "0"],
    ["--seconds", "0.5"],
    ["--only", "open"],
    ["--frob", "1"],
  ])("%s %s is refused", (...argv) => {
    expect(() => parseOptions(argv)).toThrow(argv[0]);
  });
});
