import { expect, test } from "vitest";
import { parseOptions, PARTS } from "./options.ts";

test("options of the audit log's bench", () => {
  expect(parseOptions([])).toEqual({ rounds: 9, measureMs: 5000, parts: PARTS, json: null, quick: false });
  expect(parseOptions(["--quick", "--only", "100"])).toMatchObject({ rounds: 2, measureMs: 2000, parts: ["100"] });
  expect(() => parseOptions(["--only", "2"])).toThrow("--only takes some of 1,100");
});
