/**
 * Random words, fetched in bulk from a source that is passed in. A link's source is the platform's generator; a run
 * that must be repeatable takes a seeded one.
 */
import { chacha20 } from "@noble/ciphers/chacha.js";

/** Fills the array with uniform 32-bit words; `crypto.getRandomValues` is one. */
export type WordSource = (words: Uint32Array<ArrayBuffer>) => void;

/** 64 KiB, the most that `getRandomValues` gives at once. */
const BUFFERED_WORDS = 16_384;

export class RandomWords {
  readonly #source: WordSource;
  readonly #words = new Uint32Array(BUFFERED_WORDS);
  #next = BUFFERED_WORDS;

  constructor(source: WordSource) {
    this.#source = source;
  }

  /** @returns a uniform word, 0 to 2^32 - 1; none is given twice */
  next32(): number {
    if (this.#next === BUFFERED_WORDS) {
      this.#source(this.#words);
      this.#next = 0;
    }
    return this.#words[this.#next++] ?? 0;
  }
}

export const SEED_BYTES = 32;
const NONCE_BYTES = 12;

/**
 * The ChaCha20 keystream (RFC 8439) under a seed: the same words for the same seed, on every platform. As good as the
 * seed is secret; a simulation whose keys protect nothing may publish it.
 * @throws RangeError for a seed of another length than 32 bytes
 */
export function seededWords(seed: Uint8Array): WordSource {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a seed has ${SEED_BYTES} bytes, not ${seed.length}`);
  const key = seed.slice();
  const nonce = new Uint8Array(NONCE_BYTES);
  const calls = new DataView(nonce.buffer);
  let call = 0n;
  return (words) => {
    // A nonce a call, so that the 32-bit block counter never comes to its end.
    calls.setBigUint64(0, call++);
    const zeros = new Uint8Array(words.byteLength);
    chacha20(key, nonce, zeros, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  };
}
