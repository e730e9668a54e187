import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isVerified, verificationEpsilon, verificationHash } from "./verification.ts";

const key = Uint8Array.from({ length: 16 }, (_, i) => 31 * i + 1);

test("the same string passes, one that differs in any bit does not", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(511), (string, pick) => {
      const bits = 8 * string.length;
      const hash = verificationHash(string, bits, key);
      expect(isVerified(Uint8Array.from(string), bits, key, hash)).toBe(true);
      const other = Uint8Array.from(string);
      other[(pick % bits) >> 3]! ^= 0x80 >> (pick & 7);
      expect(isVerified(other, bits, key, hash)).toBe(false);
    }),
  );
});

test("two strings that pass under one key do not under another", () => {
  // Their difference is a multiple of the key's own polynomial: x^2 key + x = 0 at one key only.
  const string = randomBytes(125_000);
  const hashes = [1, 2, 3].map((byte) => Buffer.from(verificationHash(string, 1e6, new Uint8Array(16).fill(byte))));
  expect(new Set(hashes.map((hash) => hash.toString("hex"))).size).toBe(3);
});

describe("the probability that unequal strings pass", () => {
  test.each([
    [1e6, 2.3e-35],
    [1e7, 2.3e-34],
    [1e9, 2.3e-32],
  ])("of %d bits is %d", (bits, epsilon) => {
    expect(verificationEpsilon(bits) / epsilon).toBeCloseTo(1, 2);
  });
});

test.each([
  ["a string too short", 1, 9, 16],
  ["a string too long", 2, 8, 16],
  ["a bit beyond the last", 1, 7, 16],
  ["a short key", 1, 8, 8],
])("%s is refused", (_name, bytes, bits, keyBytes) => {
  const string = new Uint8Array(bytes).fill(0xff);
  expect(() => verificationHash(string, bits, new Uint8Array(keyBytes))).toThrow(RangeError);
});

test("a hash of another length does not pass", () => {
  const string = Uint8Array.of(1, 2, 3);
  const hash = verificationHash(string, 24, key);
  expect(isVerified(string, 24, key, hash.subarray(0, 8))).toBe(false);
  expect(isVerified(string, 24, key, new Uint8Array(0))).toBe(false);
});
