/**
 * Strings of bits, packed. As bytes at the borders: bit i is bit 7 - (i & 7) of byte i >> 3, unused low bits of the last
 * byte zero. As words of 32 bits inside, in the same order: bit i is bit 31 - (i & 31) of word i >> 5.
 */

/** Every index is in range by construction; a look-up that could be `undefined` would cost inner loops their speed. */
export const wordAt = (words: Int32Array, index: number): number => words[index] as number;

export const bytesFor = (bits: number): number => Math.ceil(bits / 8);

/** Zeros: room for `bits` bits. */
export const bitWords = (bits: number): Int32Array => new Int32Array(Math.ceil(bits / 32));

export const byteBit = (bytes: Uint8Array, i: number): number => ((bytes[i >> 3] as number) >> (7 - (i & 7))) & 1;

/** The bits of a last byte that lie beyond the last bit must be zero: else two strings of bytes were one of bits. */
export const isPacked = (bytes: Uint8Array, bits: number): boolean =>
  bytes.length === bytesFor(bits) &&
  (bits % 8 === 0 || ((bytes[bytes.length - 1] as number) & (0xff >> (bits % 8))) === 0);

export const bitAt = (words: Int32Array, i: number): number => (wordAt(words, i >> 5) >>> (31 - (i & 31))) & 1;

export function setBit(words: Int32Array, i: number): void {
  words[i >> 5] = wordAt(words, i >> 5) | (1 << (31 - (i & 31)));
}

export function toggleBit(words: Int32Array, i: number): void {
  words[i >> 5] = wordAt(words, i >> 5) ^ (1 << (31 - (i & 31)));
}

/** `count` bits of `bytes` from bit `from` on, and zeros up to `room` bits. */
export function cutBits(bytes: Uint8Array, from: number, count: number, room: number): Int32Array {
  const words = bitWords(room);
  const end = from + count;
  for (let i = 0; i < words.length; i++) {
    const first = from + 32 * i;
    if (first >= end) break;
    const byte = first >> 3;
    let high = 0;
    for (let k = 0; k < 4; k++) high = (high << 8) | (bytes[byte + k] ?? 0);
    const shift = first & 7;
    const word = shift === 0 ? high : (high << shift) | ((bytes[byte + 4] ?? 0) >>> (8 - shift));
    words[i] = end - first >= 32 ? word : word & -(2 ** (32 - (end - first)));
  }
  return words;
}

/** Adds the first `count` bits of `words` to the zeros of `bytes`, from bit `at` on. */
export function pasteBits(bytes: Uint8Array, at: number, words: Int32Array, count: number): void {
  for (let i = 0; i < count; i += 8) {
    const used = count - i >= 8 ? 0xff : 0xff00 >> (count - i);
    const eight = (wordAt(words, i >> 5) >>> (24 - (i & 31))) & used;
    const [byte, shift] = [(at + i) >> 3, (at + i) & 7];
    bytes[byte] = (bytes[byte] as number) | (eight >>> shift);
    if (shift > 0 && byte + 1 < bytes.length) bytes[byte + 1] = (bytes[byte + 1] as number) | (eight << (8 - shift));
  }
}

/** XOR of bits `from` to `end`, the last exclusive. */
export function parityOf(words: Int32Array, from: number, end: number): number {
  if (from >= end) return 0;
  const [first, last] = [from >> 5, (end - 1) >> 5];
  const [head, tail] = [-1 >>> (from & 31), -1 << (31 - ((end - 1) & 31))];
  if (first === last) return wordParity(wordAt(words, first) & head & tail);
  let sum = (wordAt(words, first) & head) ^ (wordAt(words, last) & tail);
  for (let i = first + 1; i < last; i++) sum ^= wordAt(words, i);
  return wordParity(sum);
}

function wordParity(word: number): number {
  let folded = word ^ (word >>> 16);
  folded ^= folded >>> 8;
  folded ^= folded >>> 4;
  return (0x6996 >>> (folded & 15)) & 1;
}

/** The last 1 at or before place i; there must be one. */
export function lastSetUpTo(words: Int32Array, i: number): number {
  let index = i >> 5;
  let word = wordAt(words, index) & (-1 << (31 - (i & 31)));
  while (word === 0) word = wordAt(words, --index);
  return 32 * index + Math.clz32(word & -word);
}

/** The first 1 at or after place i, or -1. */
export function firstSetFrom(words: Int32Array, i: number): number {
  let index = i >> 5;
  if (index >= words.length) return -1;
  let word = wordAt(words, index) & (-1 >>> (i & 31));
  while (word === 0) {
    if (++index >= words.length) return -1;
    word = wordAt(words, index);
  }
  return 32 * index + Math.clz32(word);
}
