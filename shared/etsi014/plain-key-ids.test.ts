/** The short way to read key IDs against the long one: where it answers, it answers the same. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../bytes/json.ts";
import type { KeyId } from "../ids.ts";
import { expandRuns, packRuns } from "../keypool/key-id-run.ts";
import { LIMITS } from "../limits.ts";
import { parseKeyIds } from "./key-ids.ts";
import { readPlainKeyIds } from "./plain-key-ids.ts";

const longWay = (text: string) => {
  const json = parseJson(text, LIMITS.jsonDepth);
  return json.ok ? parseKeyIds(json.value) : json;
};

const tail = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16).padStart(4, "0"));
/** Runs of IDs that share their heads, of any UUIDs. */
const ids = fc
  .array(fc.tuple(fc.uuid(), fc.array(tail, { minLength: 1, maxLength: 5 })), { minLength: 1, maxLength: 5 })
  .map((runs) => runs.flatMap(([id, tails]) => tails.map((last) => (id.slice(0, 32) + last) as KeyId)));
const blanks = fc
  .array(fc.constantFrom("", " ", "\n", "\t", "\r", "\u00a0"), { maxLength: 2 })
  .map((all) => all.join(""));
const written = fc
  .tuple(ids, fc.array(blanks, { minLength: 8, maxLength: 8 }))
  .map(([list, [a, b, c, d, e, f, g, h]]) => {
    const entries = list.map((id) => `{${a}"key_ID"${b}:${c}"${id}"${d}}`);
    return { list, text: `${e}{${f}"key_IDs"${g}:[${entries.join(`${h},`)}]}` };
  });

test("plain text is read as the long way reads it, in one run for each record", () => {
  fc.assert(
    fc.property(ids, fc.constantFrom(undefined, 1, "\t"), (list, indent) => {
      const text = JSON.stringify({ key_IDs: list.map((key_ID) => ({ key_ID })) }, null, indent);
      const runs = readPlainKeyIds(text);
      expect(runs).toEqual(packRuns(list));
      expect(expandRuns(runs ?? [])).toEqual(list);
    }),
  );
});

test("whatever stands between, and with any character changed, it reads nothing else than the long way", () => {
  const change = fc.tuple(fc.nat(400), fc.constantFrom("", '"', "}", "{", ",", "a", "A", "g", "\\", " ", "]"));
  fc.assert(
    fc.property(written, fc.option(change), ({ text }, changed) => {
      const [at, by] = changed ?? [text.length, ""];
      const asked = text.slice(0, at) + by + text.slice(at + 1);
      const runs = readPlainKeyIds(asked);
      if (runs !== null) expect(longWay(asked)).toEqual({ ok: true, value: runs });
    }),
    { numRuns: 2000 },
  );
});

describe("left to the long way", () => {
  const id = "0f1e2d3c-4b5a-4697-8877-665544332211";
  const many = (count: number): string =>
    JSON.stringify({ key_IDs: Array.from({ length: count }, () => ({ key_ID: id })) });
  test.each([
    ["another member", `{"key_IDs":[{"key_ID":"${id}"}],"x":1}`],
    ["an extension of one ID", `{"key_IDs":[{"key_ID":"${id}","key_ID_extension":{}}]}`],
    ["upper case", `{"key_IDs":[{"key_ID":"${id.toUpperCase()}"}]}`],
    ["an escape", `{"key_IDs":[{"key_ID":"\\u0030${id.slice(6)}"}]}`],
    ["none", '{"key_IDs":[]}'],
    ["one too few characters", `{"key_IDs":[{"key_ID":"${id.slice(1)}"}]}`],
    ["text after it", `{"key_IDs":[{"key_ID":"${id}"}]}x`],
    ["a comma too many", `{"key_IDs":[{"key_ID":"${id}"},]}`],
    ["blanks of several kinds between", `{"key_IDs":[{"key_ID":"${id}"},{"key_ID":"${id}"}, {"key_ID":"${id}"}]}`],
    ["too many", many(LIMITS.keysPerRequest + 1)],
  ])("%s", (_, text) => expect(readPlainKeyIds(text)).toBeNull());

  test("as many as there may be are not", () => {
    expect(expandRuns(readPlainKeyIds(many(LIMITS.keysPerRequest)) ?? [])).toHaveLength(LIMITS.keysPerRequest);
  });
});
