import { describe, expect, test } from "vitest";
import { parseOptions, PARTS } from "./options.ts";

describe("options of the key streams' bench", () => {
  test("defaults", () => {
    expect(parseOptions([])).toEqual({
      rounds: 5,
      measureMs: 1000,
      opens: 500,
      binaryCalls: 2000,
      samplingMs: 2000,
      blocks: 12,
      parts: PARTS,
      json: null,
      quick: false,
    });
  });

  test("quick: less of everything, unless more is asked for", () => {
    const [quick, full] = [parseOptions(["--quick"]), parseOptions([])];
    for (const figure of ["rounds", "opens", "binaryCalls", "samplingMs", "blocks"] as const) {
      expect(quick[figure]).toBeLessThan(full[figure]);
    }
    expect(parseOptions(["--quick", "--rounds", "9", "--seconds", "3"])).toMatchObject({ rounds: 9, measureMs: 3000 });
  });

  test("parts are measured in one order", () => {
    expect(parseOptions(["--only", "bb84,get-key"]).parts).toEqual(["get-key", "bb84"]);
  });

  test.each([
    ["--rounds", "0"],
    ["--seconds", "0.5"],
    ["--only", "close"],
    ["--frob", "1"],
  ])("%s %s is refused", (...argv) => {
    expect(() => parseOptions(argv)).toThrow(argv[0]);
  });
});
