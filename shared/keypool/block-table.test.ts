import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BLOCK_TABLE, type Push, verdictOn } from "./block-table.ts";

const MEMBERS: { readonly [Member in keyof Push]: readonly Push[Member][] } = {
  known: [
    "new",
    "overlapping",
    "known material",
    "unmatched",
    "matched",
    "unhealthy",
    "quarantined",
    "expired",
    "voided",
  ],
  by: ["one end", "other end", "alone"],
  bytes: ["equal", "other"],
  passes: ["yes", "no"],
};
const every = MEMBERS.known.flatMap((known) =>
  MEMBERS.by.flatMap((by) =>
    MEMBERS.bytes.flatMap((bytes) => MEMBERS.passes.map((passes): Push => ({ known, by, bytes, passes }))),
  ),
);
const fits = (push: Push) => (row: (typeof BLOCK_TABLE)[number]) =>
  (["known", "by", "bytes", "passes"] as const).every((name) => row[name] === "any" || row[name] === push[name]);

test("every push has a verdict, and every row is the first that fits some push", () => {
  const used = new Set(every.map((push) => BLOCK_TABLE.findIndex(fits(push))));
  expect([...used].toSorted((a, b) => a - b)).toEqual(BLOCK_TABLE.map((_, index) => index));
  for (const push of every) expect(verdictOn(push)).toBe(BLOCK_TABLE.find(fits(push))?.verdict);
});

test("nothing that fails its tests is taken or waits, and nothing is taken that differs from what is known", () => {
  const taken = every.filter((push) => ["take", "wait"].includes(verdictOn(push)));
  expect(taken.filter(({ passes }) => passes === "no")).toEqual([]);
  expect(taken.filter(({ known, bytes }) => known !== "new" && bytes === "other")).toEqual([]);
  expect(new Set(taken.map(({ known }) => known))).toEqual(new Set(["new", "unmatched", "unhealthy"]));
});

test("of a two-ended link, one end alone makes nothing available", () => {
  const alone = every.filter((push) => push.by === "one end" && verdictOn(push) === "take");
  expect(alone).toEqual([]);
});

test("README.md prints the table", () => {
  const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  const [, printed = ""] = /^\| known as [^]*?\n\|[-|]+\|\n(?<rows>(?:\|.*\n)+)/m.exec(readme) ?? [];
  const rows = BLOCK_TABLE.map(({ known, by, bytes, passes, verdict }) =>
    ["", known, by, bytes, passes, verdict, ""].join(" | ").trim(),
  );
  expect(printed.trim().split("\n")).toEqual(rows);
});
