import { describe, expect, test } from "vitest";
import { parseOptions, PARTS } from "./options.ts";

describe("options of the tunnel's bench", () => {
  test("defaults", () => {
    expect(parseOptions([])).toEqual({
      rounds: 5,
      bulkBytes: 256_000_000,
      measureMs: 1000,
      setups: 300,
      freezeMs: 10_000,
      parts: PARTS,
      json: null,
      quick: false,
    });
  });

  test("quick: less of everything, unless more is asked for", () => {
    const [quick, full] = [parseOptions(["--quick"]), parseOptions([])];
    for (const figure of ["rounds", "bulkBytes", "measureMs", "setups", "freezeMs"] as const) {
      expect(quick[figure]).toBeLessThan(full[figure]);
    }
    expect(parseOptions(["--quick", "--rounds", "9", "--bulk-mb", "512", "--seconds", "3"])).toMatchObject({
      rounds: 9,
      bulkBytes: 512_000_000,
      measureMs: 3000,
      quick: true,
    });
  });

  test("parts are measured in one order", () => {
    expect(parseOptions(["--only", "memory,rounds"]).parts).toEqual(["rounds", "memory"]);
    expect(parseOptions(["--only", "memory", "--json", "f.json"])).toMatchObject({ parts: ["memory"], json: "f.json" });
  });

  test.each([
    ["--rounds", "0"],
    ["--bulk-mb", "-1"],
    ["--seconds", "0.5"],
    ["--only", "ping"],
    ["--frob", "1"],
  ])("%s %s is refused", (...argv) => {
    expect(() => parseOptions(argv)).toThrow(argv[0]);
  });
});
