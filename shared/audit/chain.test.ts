import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { CHAIN_START, chainHash, firstBreak } from "./chain.ts";
import type { AuditRecord } from "./event.ts";

function chainOf(count: number): AuditRecord[] {
  const records: AuditRecord[] = [];
  let hash = CHAIN_START;
  for (let index = 1; index <= count; index++) {
    const record = {
      index,
      source: "s",
      seq: index,
      atMs: index,
      act: "keys.enc",
      who: "sae:a",
      node: "tn-1",
      detail: { n: index },
    };
    hash = chainHash(hash, record);
    records.push({ ...record, hash });
  }
  return records;
}

it("holds for what was appended, in parts too", () => {
  const records = chainOf(10);
  expect(firstBreak(records)).toBeNull();
  expect(firstBreak(records.slice(4), records[3]!.hash)).toBeNull();
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
    fc.property(at, tamper, (n, change) => {
      const records = chainOf(10);
      change(records, n);
      expect(firstBreak(records)).not.toBeNull();
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
