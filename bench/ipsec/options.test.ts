import { describe, expect, test } from "vitest";
import { parseOptions, PARTS } from "./options.ts";

describe("options of the IPsec bench", () => {
  test("defaults", () => {
    expect(parseOptions([])).toEqual({
      rounds: 5,
      sas: 50,
      tunnels: 100,
      modules: null,
      parts: PARTS,
      json: null,
      quick: false,
    });
  });

  test("quick: fewer of them, and as many tunnels", () => {
    expect(parseOptions(["--quick", "--modules", "yang"])).toMatchObject({
      rounds: 2,
      sas: 10,
      tunnels: 100,
      modules: "yang",
    });
  });

  test.each([
    ["--rounds", "0"],
    ["--seconds", "1"],
    ["--only", "two"],
    ["--frob", "1"],
  ])("%s %s is refused", (...argv) => {
    expect(() => parseOptions(argv)).toThrow(argv[0]);
  });
});
