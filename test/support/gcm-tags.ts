/**
 * Which pieces of a file are sealed under a key of AES-256-GCM: a look at every offset, at a hundredth of what opening
 * each piece would cost. For pieces of an IV of 12 bytes, 32 bytes of ciphertext and the tag, without further data.
 */
import { type Cipheriv, createCipheriv } from "node:crypto";

const BLOCK_BYTES = 16;
const IV_BYTES = 12;
const [FIRST_AT, SECOND_AT, TAG_AT] = [IV_BYTES, IV_BYTES + BLOCK_BYTES, IV_BYTES + 2 * BLOCK_BYTES];
/** So many pieces are looked at in one go. */
const TOGETHER = 4096;

/** x^128 = x^7 + x^2 + x + 1, bits in GCM's order: the first is the highest (NIST SP 800-38D, 6.3). */
const REDUCTION = 0xe1n << 120n;
const timesX = (element: bigint): bigint => (element >> 1n) ^ ((element & 1n) === 0n ? 0n : REDUCTION);

function product(left: bigint, right: bigint): bigint {
  let [sum, multiple] = [0n, right];
  for (let bit = 127n; bit >= 0n; bit--) {
    if (((left >> bit) & 1n) === 1n) sum ^= multiple;
    multiple = timesX(multiple);
  }
  return sum;
}

const highWord = (element: bigint): number => Number(element >> 96n);

/** The high words of a block's product with `factor`: the sum, over the block's bytes, of `[256 * place + byte]`. */
function highWords(factor: bigint): Uint32Array {
  const words = new Uint32Array(256 * BLOCK_BYTES);
  let multiple = factor;
  for (let place = 0; place < BLOCK_BYTES; place++) {
    for (let bit = 0x80; bit > 0; bit >>= 1) {
      const word = highWord(multiple);
      multiple = timesX(multiple);
      for (let byte = 0; byte < 256; byte++) if ((byte & bit) !== 0) words[256 * place + byte]! ^= word;
    }
  }
  return words;
}

export class GcmTags {
  readonly #cipher: Cipheriv;
  /** With the cube and the square of the hash key, and what the lengths add (6.4). */
  readonly #first: Uint32Array;
  readonly #second: Uint32Array;
  readonly #lengths: number;

  constructor(key: Buffer) {
    this.#cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
    const hashKey = BigInt(`0x${this.#cipher.update(Buffer.alloc(BLOCK_BYTES)).toString("hex")}`);
    const square = product(hashKey, hashKey);
    this.#second = highWords(square);
    this.#first = highWords(product(square, hashKey));
    this.#lengths = highWord(product(BigInt(2 * BLOCK_BYTES * 8), hashKey));
  }

  /** @returns those of the offsets at which a piece has the first 32 bits of its tag right */
  right(file: Buffer, offsets: readonly number[]): number[] {
    const right: number[] = [];
    for (let from = 0; from < offsets.length; from += TOGETHER) {
      const some = offsets.slice(from, from + TOGETHER);
      const counters = Buffer.alloc(some.length * BLOCK_BYTES);
      some.forEach((offset, index) => {
        file.copy(counters, index * BLOCK_BYTES, offset, offset + IV_BYTES);
        counters[(index + 1) * BLOCK_BYTES - 1] = 1;
      });
      const masks = this.#cipher.update(counters);
      some.forEach((offset, index) => {
        const tag = file.readUInt32BE(offset + TAG_AT) ^ masks.readUInt32BE(index * BLOCK_BYTES);
        if (tag === this.#hash(file, offset)) right.push(offset);
      });
    }
    return right;
  }

  #hash(file: Buffer, offset: number): number {
    let hash = this.#lengths;
    for (let place = 0; place < BLOCK_BYTES; place++) {
      hash ^= this.#first[256 * place + file[offset + FIRST_AT + place]!]!;
      hash ^= this.#second[256 * place + file[offset + SECOND_AT + place]!]!;
    }
    return hash;
  }
}
