/** No case is left out of a binding silently, and shared/etsi004/README.md says what the code does. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROFILES } from "../../../shared/etsi004/profiles.ts";
import { CAPABILITIES } from "./application.ts";
import { BINDINGS } from "./bindings/bindings.ts";
import { CASES } from "./cases/cases.ts";
import { caseRows, cellsOf, reasonRows } from "./table.ts";

const ROOT = join(import.meta.dirname, "../../..");
const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const LINES = textOf("shared/etsi004/README.md").split("\n");
const rowsOf = (start: RegExp): readonly string[] => LINES.filter((line) => start.test(line));
const numbered = (prefix: string, last: number, digits = 2): readonly string[] =>
  Array.from({ length: last }, (_, number) => `${prefix}-${String(number + 1).padStart(digits, "0")}`);

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

/** `B-02 to B-06, 004-03` -> every id that is meant. */
function idsIn(name: string): readonly string[] {
  const [ids = ""] = name.split(":");
  return [...ids.matchAll(/\b([BJK])-(\d\d)(?: to \1-(\d\d))?/g)].flatMap(([, letter = "", first = "", last = first]) =>
    numbered(letter, Number(last)).slice(Number(first) - 1),
  );
}

test("the README's table of part 8 and the tests agree", () => {
  const inTests = ["etsi004-local", "etsi004-module"].flatMap((name) => {
    const file = `test/e2e/${name}.test.ts`;
    return [...textOf(file).matchAll(/\("([BJK]-\d\d[^"]*)"/g)].flatMap(([, title = ""]) =>
      idsIn(title).map((id) => `| ${id} | \`${file}\``),
    );
  });
  const rows = rowsOf(/^\| [BJK]-\d\d \|/).map((row) => row.split(" | ").slice(0, 2).join(" | "));
  expect(rows).toEqual(inTests.toSorted());
  expect(rows).toHaveLength(15 + 10 + 5);
});

test("what the README names is there", () => {
  const paths = LINES.filter((line) => line.startsWith("|")).flatMap((line) =>
    [...line.matchAll(/`((?:shared|test|durable-objects|workers|tunnel|client)\/[a-z0-9./*-]+)`/g)].map(
      ([, path = ""]) => path,
    ),
  );
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths) expect(() => statSync(join(ROOT, path)), path).not.toThrow();
});
