import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shake256 } from "@noble/hashes/sha3.js";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import { runAtOnce } from "../conditioning/slices.ts";
import { amplificationSeedBytes, amplifyInSlices } from "./amplification.ts";
import { bytesFor } from "./bits.ts";

const amplify = (string: Uint8Array, stringBits: number, seed: Uint8Array, keyBits: number): Uint8Array =>
  runAtOnce(amplifyInSlices(string, stringBits, seed, keyBits));

interface Vector {
  readonly n: number;
  readonly m: number;
  readonly seed?: string;
  readonly input?: string;
  readonly output?: string;
  readonly seed_label?: string;
  readonly input_label?: string;
  readonly output_sha256?: string;
}
const file = join(import.meta.dirname, "../../test/vectors/toeplitz.json");
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };

function labelled(label: string, bits: number): Uint8Array {
  const bytes = shake256(new TextEncoder().encode(label), { dkLen: bytesFor(bits) });
  bytes[bytes.length - 1]! &= 0xff << (8 * bytes.length - bits);
  return bytes;
}

test("the vectors are all there", () => expect(vectors.length).toBe(16));

test.each(vectors)("n = $n, m = $m, input $input", ({ n, m, seed, input, output, ...large }) => {
  const seedBits = n + m - 1;
  const string = input === undefined ? labelled(large.input_label!, n) : fromHex(input)!;
  const bits = seed === undefined ? labelled(large.seed_label!, seedBits) : fromHex(seed)!;
  expect(bits.length).toBe(amplificationSeedBytes(n, m));
  const key = amplify(string, n, bits, m);
  if (output === undefined) expect(createHash("sha256").update(key).digest("hex")).toBe(large.output_sha256);
  else expect(toHex(key)).toBe(output);
});

const ones = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0xff);
test.each([
  ["a string too short", ones(1), 16, ones(2), 1],
  ["a bit beyond the string's last", ones(1), 7, ones(1), 2],
  ["a seed too short", ones(2), 16, ones(2), 8],
  ["a bit beyond the seed's last", ones(2), 16, ones(3), 8],
  ["a key longer than the string", ones(1), 8, ones(2), 9],
  ["no key", ones(1), 8, ones(1), 0],
  ["half a bit", ones(2), 16, ones(3), 8.5],
  ["a block without bound", ones(1), 2 ** 40, ones(1), 1],
])("%s is refused", (_name, string, stringBits, seed, keyBits) => {
  expect(() => amplify(string, stringBits, seed, keyBits)).toThrow(RangeError);
});
