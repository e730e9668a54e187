/**
 * Bits in 32-bit words: bit i of a vector is bit i mod 32 of word floor(i / 32); as bytes, the lowest bit first. What
 * is here, as everything in this folder that touches secrets, has neither branch nor address that depends on a value.
 * Every index is in range by construction, hence the casts: a helper for them, called through a module's bindings, would
 * cost the inner loops their speed where the modules are not bundled.
 */

/** All ones if two numbers of 0 .. 2^31 - 1 are equal, else 0; by the sign, since a comparison may become a branch. */
export const equalMask = (x: number, y: number): number => ((x ^ y) - 1) >> 31;

/** All ones if 0 <= x < bound, else 0. */
export const belowMask = (x: number, bound: number): number => ~((x | (bound - 1 - x)) >> 31);

export const wordsFor = (bits: number): number => Math.ceil(bits / 32);
export const bytesFor = (bits: number): number => Math.ceil(bits / 8);

/** Whatever stands in `bytes`, the padding of a last byte included. */
export function fromBytes(words: Int32Array, bytes: Uint8Array): void {
  words.fill(0);
  for (let i = 0; i < bytes.length; i++)
    words[i >> 2] = (words[i >> 2] as number) | ((bytes[i] as number) << (8 * (i & 3)));
}

export function toBytes(bytes: Uint8Array, words: Int32Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (words[i >> 2] as number) >>> (8 * (i & 3));
}

/** target <- target + other */
export function add(target: Int32Array, other: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) ^ (other[i] as number);
}

/**
 * Sets out to ones at those `places` that lie in [start, start + bits), counted from `start`, and to zeros elsewhere.
 * Every word looks at every place, so that no address tells one.
 */
export function placeOnes(out: Int32Array, places: Int32Array, start: number, bits: number): void {
  const count = places.length;
  const wordOf = new Int32Array(count);
  const bitOf = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const place = (places[i] as number) - start;
    const inside = belowMask(place, bits);
    wordOf[i] = (place >> 5) & inside;
    bitOf[i] = (1 << (place & 31)) & inside;
  }
  for (let word = 0; word < out.length; word++) {
    let ones = 0;
    for (let i = 0; i < count; i++) ones |= (bitOf[i] as number) & equalMask(wordOf[i] as number, word);
    out[word] = ones;
  }
  wordOf.fill(0);
  bitOf.fill(0);
}

/** How many bits are set. */
export function weight(words: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const pairs = word - ((word >>> 1) & 0x55555555);
    const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
    sum += Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return sum;
}

/** Not 0 if the two differ anywhere. */
export function difference(a: Int32Array, b: Int32Array): number {
  let bits = 0;
  for (let i = 0; i < a.length; i++) bits |= (a[i] as number) ^ (b[i] as number);
  return bits;
}
