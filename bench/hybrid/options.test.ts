import { describe, expect, test } from "vitest";
import { parseOptions, PARTS } from "./options.ts";

describe("options of the hybrid keys' bench", () => {
  test("defaults", () => {
    expect(parseOptions([])).toEqual({
      rounds: 5,
      measureMs: 1000,
      kemMs: 60,
      edgeExchanges: 20,
      parts: PARTS,
      json: null,
      quick: false,
    });
  });

  test("quick: less of everything, unless more is asked for", () => {
    const [quick, full] = [parseOptions(["--quick"]), parseOptions([])];
    for (const figure of ["rounds", "kemMs", "edgeExchanges"] as const) {
      expect(quick[figure]).toBeLessThan(full[figure]);
    }
    expect(parseOptions(["--quick", "--rounds", "9", "--seconds", "3"])).toMatchObject({ rounds: 9, measureMs: 3000 });
  });

  test("parts are measured in one order", () => {
    expect(parseOptions(["--only", "stalls,kems"]).parts).toEqual(["kems", "stalls"]);
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
