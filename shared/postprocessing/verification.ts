/**
 * Verification: whether Bob's corrected string is Alice's, by a universal hash under a key that she draws only after he
 * has finished, and sends in the clear. (A fixed hash, or a checksum, could be satisfied by whoever chose the errors.)
 */
import { equalBytes } from "./authentication/equal.ts";
import { bytesFor, isPacked } from "./bits.ts";
import { GF128_BYTES, Gf128Hash } from "./gf128.ts";

export const VERIFICATION_KEY_BYTES = GF128_BYTES;
/** What the hash tells of the string, to be subtracted from the secret key's length. */
export const VERIFICATION_LEAK_BITS = 8 * GF128_BYTES;

/**
 * The hash that Alice sends, and Bob compares his with.
 * @param key `VERIFICATION_KEY_BYTES` fresh random bytes
 * @throws RangeError for another key, and for a string that is not packed
 */
export function verificationHash(string: Uint8Array, bits: number, key: Uint8Array): Uint8Array {
  if (!isPacked(string, bits)) throw new RangeError(`a string of ${bits} bits has ${bytesFor(bits)} bytes`);
  const hash = new Gf128Hash(key);
  try {
    return hash.update(string).digest();
  } finally {
    hash.wipe();
  }
}

/** Whether two strings of so many bits are equal, but for `verificationEpsilon`. */
export const isVerified = (string: Uint8Array, bits: number, key: Uint8Array, hash: Uint8Array): boolean =>
  equalBytes(verificationHash(string, bits, key), hash);

/** The most likely that two different strings of so many bits pass: a term of the correctness epsilon. */
export const verificationEpsilon = (bits: number): number =>
  (Math.ceil(bits / VERIFICATION_LEAK_BITS) + 1) * 2 ** -VERIFICATION_LEAK_BITS;
