/**
 * Sparse vectors from a seed: the list of their ones' places, as the specification's constant-weight sampling draws it
 * (Sendrier: "Secure sampling of constant-weight words").
 */
import { shake256 } from "@noble/hashes/sha3.js";
import { equalMask } from "./bits.ts";

/**
 * `lists` lists of `count` different places below `bound`, one after the other, from one stream of SHAKE256(seed). Each
 * place takes one 32-bit word of it whatever has been drawn before: nothing is rejected.
 */
export function samplePlaces(seed: Uint8Array, lists: number, count: number, bound: number): Int32Array[] {
  const stream = shake256(seed, { dkLen: 4 * lists * count });
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const sampled = Array.from({ length: lists }, (_, list) => sampleOne(view, 4 * count * list, count, bound));
  stream.fill(0);
  return sampled;
}

/** From the last place to the first: a place drawn a second time gives way to the lowest one still open. */
function sampleOne(stream: DataView, from: number, count: number, bound: number): Int32Array {
  const places = new Int32Array(count);
  for (let i = count - 1; i >= 0; i--) {
    const word = stream.getUint32(from + 4 * (count - 1 - i), true);
    // Exact: below 2^49, and divided by a power of two.
    const drawn = i + Math.floor((word * (bound - i)) / 4_294_967_296);
    let taken = 0;
    for (let j = i + 1; j < count; j++) taken |= equalMask(drawn, places[j] as number);
    places[i] = drawn ^ ((drawn ^ i) & taken);
  }
  return places;
}
