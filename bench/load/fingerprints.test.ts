import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { Fingerprints } from "./fingerprints.ts";

test("every new value is new, every other one is known, past many growths", () => {
  const seen = new Fingerprints();
  const values = Array.from({ length: 200_000 }, () => randomBytes(16));
  expect(values.every((value) => seen.add(value))).toBe(true);
  expect(seen.size).toBe(values.length);
  expect(values.some((value) => seen.add(value))).toBe(false);
  expect(seen.size).toBe(values.length);
});

test("key IDs of one batch, which differ in two bytes, are told apart", () => {
  const seen = new Fingerprints();
  const batch = randomBytes(16);
  let known = 0;
  for (let index = 0; index < 65_536; index++) {
    batch.writeUInt16BE(index, 14);
    if (!seen.add(batch)) known++;
  }
  expect(known).toBe(0);
});

test("a value of zeros counts as one too; what is too short is refused", () => {
  const seen = new Fingerprints();
  expect([seen.add(Buffer.alloc(16)), seen.add(Buffer.alloc(16))]).toEqual([true, false]);
  expect(() => seen.add(Buffer.alloc(15))).toThrow("too short");
});
