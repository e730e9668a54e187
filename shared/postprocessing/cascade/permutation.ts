/**
 * The permutations of Cascade, the same at both ends from a public seed.
 *
 * Pass 0 leaves the order as it is. For any other pass the generator is ChaCha20 (RFC 8439): key the seed's 32 bytes,
 * nonce the pass and the number of bits, each as 4 bytes big-endian, and 4 zero bytes, block counter from 0. Its key
 * stream is read as words of 32 bits, little-endian. Fisher and Yates: starting from 0, 1, .. n - 1, for i from n - 1
 * down to 1, entries i and j are swapped, j = w mod (i + 1) of the first word w below the largest multiple of i + 1
 * that 2^32 holds; words at or above it are skipped, so that all j are equally likely.
 */
import { chacha20 } from "@noble/ciphers/chacha.js";

/** Key stream made at once: 256 blocks of ChaCha20. */
const CHUNK_BYTES = 16_384;
const BLOCKS_PER_CHUNK = CHUNK_BYTES / 64;

/** @param bits at most 65,536 */
export function permutation(seed: Uint8Array, pass: number, bits: number): Uint16Array {
  const order = new Uint16Array(bits);
  for (let i = 0; i < bits; i++) order[i] = i;
  if (pass === 0) return order;

  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(0, pass);
  new DataView(nonce.buffer).setUint32(4, bits);
  const zeros = new Uint8Array(CHUNK_BYTES);
  const stream = new Uint8Array(CHUNK_BYTES);
  const view = new DataView(stream.buffer);
  let [read, counter] = [CHUNK_BYTES, 0];
  for (let i = bits - 1; i > 0; i--) {
    let [word, j] = [0, 0];
    do {
      if (read === CHUNK_BYTES) {
        chacha20(seed, nonce, zeros, stream, counter);
        counter += BLOCKS_PER_CHUNK;
        read = 0;
      }
      word = view.getUint32(read, true);
      read += 4;
      j = word % (i + 1);
    } while (word - j > 2 ** 32 - (i + 1)); // the multiple of i + 1 that w follows is the last, and cut short
    const swapped = order[i] as number;
    order[i] = order[j] as number;
    order[j] = swapped;
  }
  return order;
}
