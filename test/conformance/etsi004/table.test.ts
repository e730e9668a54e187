/** No case is left out of a binding silently, and shared/etsi004/README.md says what the code does. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CAPABILITIES } from "../../../cli/doctor/etsi004/application.ts";
import { CASES } from "../../../cli/doctor/etsi004/cases/cases.ts";
import { BINDINGS, SUITES } from "../../../cli/doctor/etsi004/suites.ts";
import { PROFILES } from "../../../shared/etsi004/profiles.ts";
import { caseRows, cellsOf, ownRows, reasonRows } from "./table.ts";

const ROOT = join(import.meta.dirname, "../../..");
const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const LINES = textOf("shared/etsi004/README.md").split("\n");
const rowsOf = (start: RegExp): readonly string[] => LINES.filter((line) => start.test(line));
const numbered = (prefix: string, last: number): readonly string[] =>
  Array.from({ length: last }, (_, number) => `${prefix}-${String(number + 1).padStart(2, "0")}`);

const CELLS = cellsOf(BINDINGS, CASES);

test("the cases are 004-01 to 004-30, once each", () => {
  expect(CASES.map(({ id }) => id)).toEqual(numbered("004", 30));
});

test("every profile has a binding", () => {
  expect(new Set(BINDINGS.map(({ profile }) => profile))).toEqual(new Set(Object.keys(PROFILES)));
});

test("every case runs over every binding, or there is a reason", () => {
  expect(CELLS).toHaveLength(CASES.length * BINDINGS.length);
  for (const { binding, each, missing, without } of CELLS) {
    for (const capability of [...missing, ...without]) {
      expect(binding.reasons[capability], `${each.id} over ${binding.name}: ${capability}`).toMatch(/./);
    }
  }
});

test("a binding has reasons for what it cannot do, and for nothing else", () => {
  for (const { name, can, reasons } of BINDINGS) {
    const cannot = CAPABILITIES.filter((capability) => !can.has(capability));
    expect(Object.keys(reasons).toSorted(), name).toEqual(cannot.toSorted());
  }
});

test("the native binding can say all: every case runs over it", () => {
  for (const { id } of CASES) {
    const runs = CELLS.filter(({ each, missing }) => each.id === id && missing.length === 0);
    expect(
      runs.map(({ binding }) => binding.name),
      id,
    ).toContain("native");
  }
});

test("the README's table of cases and that of reasons are these", () => {
  expect(rowsOf(/^\| 004-/)).toEqual(caseRows(BINDINGS, CASES));
  const names = BINDINGS.map(({ name }) => name).join("|");
  const reasons = new RegExp(`^\\| (${names}) \\| (${CAPABILITIES.join("|")}) \\|`);
  expect(rowsOf(reasons)).toEqual(reasonRows(BINDINGS));
});

const OWN = (["binary", "json-tcp", "qkd-module", "open-qkd-network"] as const).flatMap((name) =>
  SUITES[name].cases.filter(({ id }) => !id.startsWith("004-")),
);

test("the cases of one binding are B-01 to B-15, J-01 to J-10, K-01 to K-05, Q-01 to Q-05, once each", () => {
  const ids = [numbered("B", 15), numbered("J", 10), numbered("K", 5), numbered("Q", 5)].flat();
  expect(OWN.map(({ id }) => id)).toEqual(ids);
});

test("the README's table of them is this", () => {
  expect(rowsOf(/^\| [BJKQ]-\d\d \|/)).toEqual(ownRows(OWN));
});

test("what the README names is there", () => {
  const paths = LINES.filter((line) => line.startsWith("|")).flatMap((line) =>
    [...line.matchAll(/`((?:shared|test|durable-objects|workers|tunnel|client|cli)\/[a-z0-9./*-]+)`/g)].map(
      ([, path = ""]) => path,
    ),
  );
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths) expect(() => statSync(join(ROOT, path)), path).not.toThrow();
});
