import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { CHAIN_START, chainHash, firstBreak } from "./chain.ts";
import { crc32 } from "./crc32.ts";
import type { AuditRecord } from "./event.ts";
import { recordOf, recordText } from "./record-text.ts";

/** In bundles of so many, as a log serves them; the records of schema 1 in bundles of one, without checks. */
function chainOf(count: number, ...sizes: number[]): AuditRecord[] {
  const bare = Array.from({ length: count }, (_, at) => ({
    index: at + 1,
    source: "s",
    seq: at + 1,
    atMs: at,
    act: "keys.enc",
    who: "sae:a",
    node: "tn-1",
    detail: { n: at, b: true },
  }));
  const records: AuditRecord[] = [];
  let hash = CHAIN_START;
  for (let bundles = 0; records.length < count; bundles++) {
    const size = sizes[bundles % sizes.length] ?? 1;
    const bundle = bare.slice(records.length, records.length + size);
    hash = chainHash(hash, bundle);
    for (const record of bundle) {
      records.push({ ...record, hash, ...(size > 1 && { check: crc32(recordText(record)) }) });
    }
  }
  return records;
}

it.each([[1], [4], [3, 1]])("holds for what was appended, in parts too (bundles of %j)", (...sizes) => {
  const records = chainOf(12, ...sizes);
  expect(firstBreak(records)).toBeNull();
  expect(firstBreak(records.slice(4), records[3]?.hash)).toBeNull();
  expect(firstBreak([])).toBeNull();
});

it("breaks at whatever is changed, removed, repeated or exchanged", () => {
  const at = fc.integer({ min: 0, max: 8 });
  const tamper = fc.constantFrom<(records: AuditRecord[], n: number) => void>(
    (records, n) => (records[n] = { ...records[n]!, who: "sae:b" }),
    (records, n) => (records[n] = { ...records[n]!, detail: {} }),
    (records, n) => (records[n] = { ...records[n]!, hash: CHAIN_START }),
    (records, n) => void records.splice(n, 1),
    (records, n) => void records.splice(n, 0, records[n]!),
    (records, n) => void records.splice(n, 2, records[n + 1]!, records[n]!),
  );
  fc.assert(
    fc.property(at, tamper, fc.integer({ min: 1, max: 5 }), (n, change, size) => {
      const records = chainOf(10, size);
      change(records, n);
      expect(firstBreak(records)).not.toBeNull();
    }),
  );
});

it("points at the record of a bundle that was changed, and at the bundle where its checksum was changed with it", () => {
  const records = chainOf(12, 4);
  const changed = { ...records[5]!, who: "sae:b" };
  expect(firstBreak(records.with(5, changed))).toBe(6);
  expect(firstBreak(records.with(5, { ...changed, check: crc32(recordText(changed)) }))).toBe(5);
});

/** Names of details are our own words; the schema library drops the three that JavaScript gives a meaning. */
const SPECIAL_NAMES = ["__proto__", "prototype", "constructor"];
const detail = fc.dictionary(
  fc.stringMatching(/^[a-z_]{1,9}$/).filter((name) => !SPECIAL_NAMES.includes(name)),
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  ),
);
const unchained = fc.record({
  index: fc.nat(),
  source: fc.string({ unit: "binary" }),
  seq: fc.nat(),
  atMs: fc.nat(),
  act: fc.string(),
  who: fc.string({ unit: "grapheme" }),
  node: fc.string(),
  detail,
});

it("spells a record as canonical JSON, and reads it back", () => {
  fc.assert(
    fc.property(unchained, (record) => {
      const text = recordText(record);
      expect(text).toBe(canonicalJson(record));
      expect(text).not.toContain("\n");
      expect(recordText(recordOf(text)!)).toBe(text);
    }),
  );
});

it("takes no text for a record that is spelled otherwise, or is none", () => {
  const text = recordText(chainOf(1, 1)[0]!);
  for (const other of [
    "",
    "null",
    `${text} `,
    text.replace(":", ": "),
    text.replace('"keys.enc"', "7"),
    text.replace('"atMs":0', '"atMs":9e20'),
    text.replace("{", '{"more":1,'),
  ]) {
    expect(recordOf(other)).toBeNull();
  }
});

it("sums as zlib does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(crc32(text)).toBe(zlibCrc32(text).toString(16).padStart(8, "0"));
    }),
  );
});

it("does not depend on the order of members", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed());
      expect(canonicalJson(turned)).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
