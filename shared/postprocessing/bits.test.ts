import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bitAt, bitWords, byteBit, bytesFor, cutBits, firstSetFrom, isPacked, lastSetUpTo } from "./bits.ts";
import { parityOf, pasteBits, setBit, toggleBit } from "./bits.ts";

/** Bits as they are written down, and the two ways of packing them. */
const strings = fc.array(fc.nat(1), { minLength: 1, maxLength: 200 });

function packed(bits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(bytesFor(bits.length));
  for (const [i, bit] of bits.entries()) bytes[i >> 3]! |= bit << (7 - (i & 7));
  return bytes;
}
function inWords(bits: readonly number[]): Int32Array {
  const words = bitWords(bits.length);
  for (const [i, bit] of bits.entries()) if (bit === 1) setBit(words, i);
  return words;
}

test("a bit is found where it was put", () => {
  fc.assert(
    fc.property(strings, fc.nat(199), (bits, pick) => {
      const [bytes, words] = [packed(bits), inWords(bits)];
      for (const [i, bit] of bits.entries()) expect([byteBit(bytes, i), bitAt(words, i)]).toEqual([bit, bit]);
      const place = pick % bits.length;
      toggleBit(words, place);
      expect(bitAt(words, place)).toBe(1 - bits[place]!);
    }),
  );
});

test("what is cut out of bytes and pasted into others is the same", () => {
  fc.assert(
    fc.property(strings, fc.nat(199), fc.nat(199), fc.nat(40), (bits, a, b, shift) => {
      const [from, end] = [Math.min(a, b) % bits.length, Math.max(a, b) % (bits.length + 1)];
      const count = Math.max(0, end - from);
      const words = cutBits(packed(bits), from, count, count + shift);
      const cut = bits.slice(from, from + count);
      expect(Array.from({ length: count + shift }, (_, i) => bitAt(words, i))).toEqual([
        ...cut,
        ...Array<number>(shift).fill(0),
      ]);
      const pasted = packed(Array<number>(shift + count).fill(0));
      pasteBits(pasted, shift, words, count);
      expect(pasted).toEqual(packed([...Array<number>(shift).fill(0), ...cut]));
    }),
  );
});

test("a parity is the sum of its bits", () => {
  fc.assert(
    fc.property(strings, fc.nat(200), fc.nat(200), (bits, a, b) => {
      const [from, end] = [Math.min(a, bits.length), Math.min(b, bits.length)];
      const sum = bits.slice(from, end).reduce((x, y) => x ^ y, 0);
      expect(parityOf(inWords(bits), from, end)).toBe(sum);
    }),
  );
});

test("the nearest 1 on either side", () => {
  fc.assert(
    fc.property(strings, fc.nat(199), (bits, pick) => {
      const i = pick % bits.length;
      const words = inWords(bits);
      expect(firstSetFrom(words, i)).toBe(bits.indexOf(1, i));
      const last = bits.lastIndexOf(1, i);
      if (last >= 0) expect(lastSetUpTo(words, i)).toBe(last);
    }),
  );
  expect(firstSetFrom(bitWords(64), 64)).toBe(-1);
});

describe("packed", () => {
  test.each([
    [[0xff], 8, true],
    [[0xfe], 7, true],
    [[0xff], 7, false],
    [[0x80], 1, true],
    [[0x40], 1, false],
    [[0xff, 0], 8, false],
    [[], 8, false],
    [[], 0, true],
  ])("%j of %d bits: %s", (bytes, bits, expected) => {
    expect(isPacked(Uint8Array.from(bytes), bits)).toBe(expected);
  });
});
