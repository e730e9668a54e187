/**
 * The secret key's encoding: the places of h0's ones and of h1's, 32 bits each with the lowest byte first, in the order
 * they were drawn in; then h0, h1 and the public key h; then sigma, which answers for what does not decode.
 */
import { belowMask, bytesFor, fromBytes, toBytes } from "./bits.ts";
import { type BikeParameters, MESSAGE_BYTES } from "./parameters.ts";
import type { Pair, Ring } from "./ring.ts";

const PLACE_BYTES = 4;

export interface SecretKey {
  /** Of the halves' ones. */
  readonly places: Pair;
  readonly halves: Pair;
  readonly sigma: Uint8Array;
}

/** Whether an encoded element has its padding clear. */
export function isCanonical(block: Uint8Array, bits: number): boolean {
  return (block[block.length - 1] as number) >> (bits & 7) === 0;
}

export function writeSecretKey(
  { places, halves, sigma }: SecretKey,
  publicKey: Uint8Array,
  parameters: BikeParameters,
): Uint8Array {
  const { sizeBytes, blocks } = layoutOf(parameters);
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  for (const [half, list] of places.entries()) {
    const first = half * list.length;
    for (const [i, place] of list.entries()) view.setInt32(PLACE_BYTES * (first + i), place, true);
  }
  const [h0, h1, h] = blocks;
  toBytes(bytes.subarray(...h0), halves[0]);
  toBytes(bytes.subarray(...h1), halves[1]);
  bytes.set(publicKey, h[0]);
  bytes.set(sigma, sizeBytes - MESSAGE_BYTES);
  return bytes;
}

/**
 * Copies of a secret key's parts. `null` if a place is not below r or padding is set. Whether the parts belong together
 * is not looked at, as in liboqs: a key where they do not decodes nothing.
 */
export function readSecretKey(bytes: Uint8Array, parameters: BikeParameters, ring: Ring): SecretKey | null {
  const { blockBits, halfWeight } = parameters;
  const { sizeBytes, blocks } = layoutOf(parameters);
  if (!blocks.every((block) => isCanonical(bytes.subarray(...block), blockBits))) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let below = -1;
  for (let i = 0; i < 2 * halfWeight; i++) below &= belowMask(view.getInt32(PLACE_BYTES * i, true), blockBits);
  if (below === 0) return null;
  const placesFrom = (first: number) =>
    Int32Array.from({ length: halfWeight }, (_, i) => view.getInt32(PLACE_BYTES * (first + i), true));
  const halfFrom = (block: Range) => {
    const half = ring.element();
    fromBytes(half, bytes.subarray(...block));
    return half;
  };
  return {
    places: [placesFrom(0), placesFrom(halfWeight)],
    halves: [halfFrom(blocks[0]), halfFrom(blocks[1])],
    sigma: bytes.slice(sizeBytes - MESSAGE_BYTES),
  };
}

export function wipeSecretKey({ places, halves, sigma }: SecretKey): void {
  for (const part of [...places, ...halves, sigma]) part.fill(0);
}

type Range = readonly [from: number, end: number];

/** Where h0, h1 and h stand. */
function layoutOf({ halfWeight, blockBits }: BikeParameters) {
  const from = 2 * halfWeight * PLACE_BYTES;
  const blockBytes = bytesFor(blockBits);
  const block = (index: number): Range => [from + index * blockBytes, from + (index + 1) * blockBytes];
  return { sizeBytes: from + 3 * blockBytes + MESSAGE_BYTES, blocks: [block(0), block(1), block(2)] as const };
}
