/**
 * Toeplitz hashing over GF(2), exact. Of n input bits x and n + m - 1 seed bits s,
 *
 *     y[i] = XOR over j of s[i - j + n - 1] AND x[j],    0 <= i < m, 0 <= j < n
 *
 * Bits are numbered from the most significant bit of the first byte; unused low bits of a last byte are ignored on
 * the way in and zero on the way out. Over a uniform seed, two different inputs collide with probability 2^-m.
 */
import { BASE_WORDS, TABLE_WORDS } from "./base-case.ts";
import { multiplyInSlices, scratchWords } from "./product.ts";
import { runAtOnce, type Slices } from "./slices.ts";

/**
 * Hashes in slices. n = 1,638,400 and m = 1,310,592 take 1.2 MiB of scratch memory, wiped in the end.
 * @param x ceil(xBits / 8) bytes; must not change before the end
 * @param seed ceil((xBits + mBits - 1) / 8) bytes
 * @returns ceil(mBits / 8) bytes
 * @throws RangeError where lengths do not fit
 */
export function* toeplitzInSlices(x: Uint8Array, xBits: number, seed: Uint8Array, mBits: number): Slices<Uint8Array> {
  const seedBits = xBits + mBits - 1;
  requireLength("input", x, xBits);
  requireLength("seed", seed, seedBits);
  if (!Number.isSafeInteger(mBits) || mBits < 1) throw new RangeError(`a hash has 1 bit or more, not ${mBits}`);

  const columns = wordsFor(xBits);
  const rows = wordsFor(mBits);
  const [xFrom, yFrom, free] = [columns + rows, 2 * columns + rows, 2 * (columns + rows)];
  const words = new Int32Array(free + scratchWords(rows, columns));
  try {
    // s[n - 1] stands on the diagonal, and there the product wants the last bit of word `columns - 1`.
    load(words, 32 * columns - xBits, seed, seedBits);
    load(words, 32 * xFrom, x, xBits);
    const table = new Int32Array(TABLE_WORDS);
    yield* multiplyInSlices({ words, table }, { matrix: columns - 1, x: xFrom, columns, y: yFrom, rows, free });
    return store(words, yFrom, mBits);
  } finally {
    words.fill(0);
  }
}

/** The same without pauses. */
export const toeplitz = (x: Uint8Array, xBits: number, seed: Uint8Array, mBits: number): Uint8Array =>
  runAtOnce(toeplitzInSlices(x, xBits, seed, mBits));

function requireLength(what: string, bytes: Uint8Array, bits: number): void {
  if (!Number.isSafeInteger(bits) || bits < 1 || bytes.length !== Math.ceil(bits / 8)) {
    throw new RangeError(`the ${what} has ${bytes.length} bytes, which is not what ${bits} bits take`);
  }
}

const wordsFor = (bits: number): number => Math.ceil(bits / (32 * BASE_WORDS)) * BASE_WORDS;

/** A mask of the bits of byte `index` that belong to the first `bits` bits. */
const usedOf = (index: number, bits: number): number => (bits - 8 * index >= 8 ? 0xff : 0xff00 >> (bits - 8 * index));

/** Adds the first `bits` bits of `bytes` to zeros, from bit `firstBit` on. */
function load(words: Int32Array, firstBit: number, bytes: Uint8Array, bits: number): void {
  bytes.forEach((byte, i) => {
    const highest = (byte & usedOf(i, bits)) << 24;
    const word = (firstBit + 8 * i) >> 5;
    const offset = (firstBit + 8 * i) & 31;
    words[word] = (words[word] ?? 0) | (highest >>> offset);
    if (offset > 24) words[word + 1] = highest << (32 - offset);
  });
}

function store(words: Int32Array, first: number, bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  for (let i = 0; i < bytes.length; i++) {
    const word = words[first + (i >> 2)] ?? 0;
    bytes[i] = (word >>> (24 - 8 * (i & 3))) & usedOf(i, bits);
  }
  return bytes;
}
