/**
 * Privacy amplification: the corrected string, of which an eavesdropper may know much, hashed to a key of which she knows
 * nothing to speak of. The hash is the Toeplitz one of `conditioning/`, bit for bit; what differs is where lengths and
 * seed come from: the length from the bounds on this block, over the whole string (hashed in pieces it would lose its
 * proof), and the seed, n + m - 1 fresh random bits sent in the clear, from after the block was verified.
 */
import type { Slices } from "../conditioning/slices.ts";
import { toeplitzInSlices } from "../conditioning/toeplitz.ts";
import { LIMITS } from "../limits.ts";
import { bytesFor, isPacked } from "./bits.ts";

/** Of the seed that turns so many bits into so many. */
export const amplificationSeedBytes = (stringBits: number, keyBits: number): number =>
  bytesFor(stringBits + keyBits - 1);

/**
 * Hashes in slices of bounded work, scratch memory wiped in the end.
 * @param string packed; must not change before the end
 * @param seed packed, `stringBits + keyBits - 1` bits
 * @param keyBits 1 to `stringBits`
 * @returns the key, packed
 * @throws RangeError where lengths do not fit, or bits beyond the last one are set
 */
export function* amplifyInSlices(
  string: Uint8Array,
  stringBits: number,
  seed: Uint8Array,
  keyBits: number,
): Slices<Uint8Array> {
  if (stringBits > LIMITS.bb84KeyBits) throw new RangeError(`a block has at most ${LIMITS.bb84KeyBits} bits`);
  if (!isPacked(string, stringBits)) throw new RangeError(`the string is not of ${stringBits} bits`);
  if (!Number.isSafeInteger(keyBits) || keyBits < 1 || keyBits > stringBits) {
    throw new RangeError(`of ${stringBits} bits, 1 to ${stringBits} can remain, not ${keyBits}`);
  }
  const seedBits = stringBits + keyBits - 1;
  if (!isPacked(seed, seedBits)) throw new RangeError(`the seed is not of ${seedBits} bits`);
  return yield* toeplitzInSlices(string, stringBits, seed, keyBits);
}
