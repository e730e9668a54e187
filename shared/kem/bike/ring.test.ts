import { shake256 } from "@noble/hashes/sha3.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placeOnes } from "./bits.ts";
import { BIKE } from "./parameters.ts";
import { Multiplier } from "./product.ts";
import { Ring } from "./ring.ts";
import { samplePlaces } from "./sampling.ts";

/** Words of all kinds, from a seed: zero and full ones among them. */
function wordsFrom(seed: string, count: number): Int32Array {
  const bytes = shake256(new TextEncoder().encode(seed), { dkLen: 5 * count });
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: count }, (_, i) => {
    const kind = view.getUint8(4 * count + i) & 15;
    return kind === 0 ? 0 : kind === 1 ? -1 : view.getInt32(4 * i);
  });
}

const toBigInt = (words: Int32Array): bigint =>
  BigInt(
    `0x${Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0"))
      .toReversed()
      .join("")}`,
  );

/** The schoolbook's way. */
function naiveProduct(a: Int32Array, b: bigint): bigint {
  let product = 0n;
  for (let i = 0; i < 32 * a.length; i++) if ((a[i >> 5]! >>> (i & 31)) & 1) product ^= b << BigInt(i);
  return product;
}

const seeds = fc.string({ minLength: 1, maxLength: 8 });

test.each(Array.from({ length: 33 }, (_, i) => i + 1))("products of %i words", (words) => {
  const multiplier = new Multiplier(words);
  const product = new Int32Array(2 * words);
  fc.assert(
    fc.property(seeds, (seed) => {
      const a = wordsFrom(`a${seed}`, words);
      const b = wordsFrom(`b${seed}`, words);
      multiplier.multiply(product, a, b);
      expect(toBigInt(product)).toBe(naiveProduct(a, toBigInt(b)));
    }),
    { numRuns: 10 },
  );
});

describe.each(Object.entries(BIKE))("the ring of %s", (_name, { blockBits, halfWeight }) => {
  const ring = new Ring(blockBits);
  const r = BigInt(blockBits);
  const modulus = (1n << r) - 1n;
  const element = (seed: string): Int32Array => {
    const words = wordsFrom(seed, ring.words);
    words[ring.words - 1] = words[ring.words - 1]! & ring.lastMask;
    return words;
  };
  const sparse = (seed: string): Int32Array => {
    const out = ring.element();
    for (const list of samplePlaces(new TextEncoder().encode(seed), 1, halfWeight, blockBits)) {
      placeOnes(out, list, 0, blockBits);
    }
    return out;
  };

  test("products, and what is dropped of operands with their padding set", () => {
    fc.assert(
      fc.property(seeds, fc.boolean(), (seed, padded) => {
        const a = wordsFrom(`a${seed}`, ring.words);
        const b = element(`b${seed}`);
        if (!padded) a[ring.words - 1] = a[ring.words - 1]! & ring.lastMask;
        const product = naiveProduct(a, toBigInt(b));
        ring.multiply(a, a, b);
        expect(toBigInt(a)).toBe((product & modulus) ^ ((product >> r) & modulus));
      }),
      { numRuns: 4 },
    );
  });

  test("powers of two's powers are as many squares", () => {
    const out = ring.element();
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 12 }), (seed, k) => {
        const a = element(seed);
        ring.power2(out, a, k);
        const squares = a.slice();
        for (let i = 0; i < k; i++) ring.multiply(squares, squares, squares);
        expect(out).toEqual(squares);
      }),
      { numRuns: 4 },
    );
  });

  test("the inverse of an element of odd weight", () => {
    const one = ring.element();
    one[0] = 1;
    const out = ring.element();
    fc.assert(
      fc.property(seeds, (seed) => {
        const a = sparse(seed);
        ring.inverse(out, a);
        ring.multiply(out, out, a);
        expect(out).toEqual(one);
      }),
      { numRuns: 2 },
    );
  });
});
