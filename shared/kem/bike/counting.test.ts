/** What the decoder counts with: rotations and bit-sliced counters, against the same bit by bit. */
import { shake256 } from "@noble/hashes/sha3.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Counters, GROUP } from "./counters.ts";
import { adaptiveThreshold } from "./decoder.ts";
import { BIKE } from "./parameters.ts";
import { Ring } from "./ring.ts";
import { Rotator } from "./rotation.ts";

const bit = (words: Int32Array, place: number): number => (words[place >> 5]! >>> (place & 31)) & 1;

function randomWords(seed: string, count: number): Int32Array {
  const bytes = shake256(new TextEncoder().encode(seed), { dkLen: 4 * count });
  return new Int32Array(bytes.buffer, bytes.byteOffset, count);
}

describe.each(Object.entries(BIKE))("%s", (name, parameters) => {
  const r = parameters.blockBits;
  const ring = new Ring(r);
  const vector = randomWords(name, ring.words);
  vector[ring.words - 1] = vector[ring.words - 1]! & ring.lastMask;

  test("rotations by any distance", () => {
    const rotator = new Rotator(r);
    rotator.load(randomWords("one before", ring.words));
    rotator.load(vector);
    const out = new Int32Array(ring.words + 3).fill(7);
    const check = (distance: number) => {
      rotator.rotate(out, 2, distance);
      const wrong = Array.from({ length: r }, (_, k) => k).filter(
        (k) => bit(out, 64 + k) !== bit(vector, (k + distance) % r),
      );
      expect(wrong).toEqual([]);
      expect([out[0], out[1], out[ring.words + 2]]).toEqual([7, 7, 7]);
    };
    const places = Array.from({ length: 16 }, (_, i) => 1 << i).filter((distance) => distance < r);
    for (const distance of [0, 31, 33, 255, 257, r - 33, r - 32, r - 1, ...places]) check(distance);
    fc.assert(fc.property(fc.integer({ min: 0, max: r - 1 }), check), { numRuns: 15 });
  });

  test("the threshold is the specification's at every weight", () => {
    const { offset, slope, minimum } = parameters.threshold;
    const wrong = [];
    for (let syndrome = 0; syndrome <= r; syndrome++) {
      const exact = (BigInt(offset) + BigInt(slope) * BigInt(syndrome)) / 100_000_000n;
      if (adaptiveThreshold(parameters, syndrome) !== Math.max(minimum, Number(exact))) wrong.push(syndrome);
    }
    expect(wrong).toEqual([]);
  });
});

test.each([8, 9])("counters of %i bits count and compare, modulo their size", (slices) => {
  const words = 3;
  const counters = new Counters(words, slices);
  const modulus = 1 << slices;
  const rounds = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(fc.string(), rounds, fc.integer({ min: 0, max: 200 }), (seed, groups, threshold) => {
      const counts = Array.from({ length: 32 * words }, () => 0);
      counters.clear();
      for (let group = 0; group < groups; group++) {
        // Word by word denser, so that counts spread.
        const sparse = randomWords(`${seed}/${group}`, GROUP * words);
        const vectors = sparse.map((word, i) => (i % words === 0 ? word & (word << 1) : i % words === 1 ? word : -1));
        counters.count(vectors);
        counts.forEach((_, k) => {
          for (let i = 0; i < GROUP; i++) counts[k]! += bit(vectors, 32 * words * i + k);
        });
      }
      const out = new Int32Array(words);
      counters.compare(out, threshold);
      const expected = counts.map((count) =>
        Number((((count - threshold) % modulus) + modulus) % modulus < modulus / 2),
      );
      expect(counts.map((_, k) => bit(out, k))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
