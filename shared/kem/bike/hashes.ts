/** The specification's three hash functions H, L and K, over SHAKE256 and SHA3-384 as of round 4. */
import { sha3_384 } from "@noble/hashes/sha3.js";
import { bytesFor, placeOnes, toBytes } from "./bits.ts";
import { type BikeParameters, MESSAGE_BYTES } from "./parameters.ts";
import type { Pair } from "./ring.ts";
import { samplePlaces } from "./sampling.ts";

/** H: errors <- the error vector of a message. The public key takes no part, as in liboqs. */
export function errorsOf(errors: Pair, message: Uint8Array, { blockBits, errorWeight }: BikeParameters): void {
  const places = samplePlaces(message, 1, errorWeight, 2 * blockBits);
  for (const list of places) {
    placeOnes(errors[0], list, 0, blockBits);
    placeOnes(errors[1], list, blockBits, blockBits);
    list.fill(0);
  }
}

/** L: what hides a message. */
export function maskOf(errors: Pair, { blockBits }: BikeParameters): Uint8Array {
  const blockBytes = bytesFor(blockBits);
  const encoded = new Uint8Array(2 * blockBytes);
  toBytes(encoded.subarray(0, blockBytes), errors[0]);
  toBytes(encoded.subarray(blockBytes), errors[1]);
  const mask = firstBytes(encoded);
  encoded.fill(0);
  return mask;
}

/** K: the shared secret, of a message or of what stands for it, and of the ciphertext as it came. */
export function secretOf(message: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const input = new Uint8Array(message.length + ciphertext.length);
  input.set(message);
  input.set(ciphertext, message.length);
  const secret = firstBytes(input);
  input.fill(0);
  return secret;
}

function firstBytes(input: Uint8Array): Uint8Array {
  const digest = sha3_384(input);
  const first = digest.slice(0, MESSAGE_BYTES);
  digest.fill(0);
  return first;
}
