/** What docs/ipsec.md says of states, reasons and algorithms is what the code does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMPATS, ENCRYPTIONS, INTEGRITIES } from "./algorithms.ts";
import { ENTRY_REASONS, ENTRY_STATES } from "./outcome.ts";
import { REKEY_STEPS } from "./rekey.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/ipsec.md"), "utf8");

/** Rows of the table whose heading line begins so: the name in the first cell -> the other cells. */
function tableOf(page: string, heading: string): ReadonlyMap<string, readonly string[]> {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(heading));
  if (start < 0) throw new Error(`no table "${heading}"`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  const rows = lines.slice(start + 2, start + length).map((line) => line.slice(2, -2).split(" | "));
  return new Map(rows.map(([name = "", ...cells]) => [name.replaceAll("`", ""), cells.map((cell) => cell.trim())]));
}

test("states and reasons, with what they mean", () => {
  expect([...tableOf(PAGE, "| state |").keys()]).toEqual(ENTRY_STATES);
  const reasons = [...tableOf(PAGE, "| reason |")].map(([code, [meaning, todo]]) => {
    expect(todo).not.toBe("");
    return [code, meaning];
  });
  expect(Object.fromEntries(reasons)).toEqual(ENTRY_REASONS);
});

const text = (number: number | undefined): string => (number === undefined ? "-" : String(number));

test("algorithms, with their numbers and the lengths of their keys", () => {
  const encryption = ENCRYPTIONS.map(({ name, numbers, keyBits, saltBytes, aead, weak }) => [
    name,
    text(numbers.iana),
    text(numbers.pfkey),
    keyBits.join(", ") || "-",
    saltBytes === 0 ? "-" : String(saltBytes),
    aead ? "by itself" : "no",
    weak ? "not any more (RFC 8221)" : "",
  ]);
  expect([...tableOf(PAGE, "| encryption |")].map(([name, cells]) => [name, ...cells])).toEqual(encryption);
  const integrity = INTEGRITIES.filter(({ name }) => name !== "none").map(({ name, numbers, keyBytes, weak }) => [
    name,
    text(numbers.iana),
    text(numbers.pfkey),
    String(keyBytes),
    weak ? "not any more (RFC 8221)" : "",
  ]);
  expect([...tableOf(PAGE, "| integrity |")].map(([name, cells]) => [name, ...cells])).toEqual(integrity);
  expect([...tableOf(PAGE, "| `compat` |").keys()]).toEqual(COMPATS);
});

test("steps of a rekey", () => {
  expect([...tableOf(PAGE, "| step |").keys()]).toEqual(Object.keys(REKEY_STEPS));
});
