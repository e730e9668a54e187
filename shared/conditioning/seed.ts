/**
 * From a link's public seed to the Toeplitz bits of one piece of one block.
 *
 * The leftover hash lemma asks for n + m - 1 independent uniform bits, 3 Mbit for the largest piece; what both ends
 * share is 32 bytes. The bits are expanded from them with SHAKE256, so the bound on the output's distance from uniform
 * holds under a *computational* assumption: that SHAKE256 acts as a random function on blocks that do not depend on
 * the public seed. SHAKE256 and not a stream cipher, because the seed is public: what a cipher promises ends where
 * its key is known, an extendable-output function is meant to act so all the same. It is not what takes the time:
 * 14 ms for the 368,624 bytes of the largest piece, whose hash takes 1 s.
 */
import { shake256 } from "@noble/hashes/sha3.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { BlockId } from "../ids.ts";
import type { Slices } from "./slices.ts";

const PUBLIC_SEED_BYTES = 32;
/** Both ends must agree on everything here; a change of how output is made needs another label. */
const LABEL = utf8ToBytes("qkd-edge/conditioning/v1/toeplitz-seed");
const SLICE_BYTES = 64 * 1024; // about 3 ms

/** Which piece of which block of a link the bits are for. */
export interface SeedScope {
  /** `PUBLIC_SEED_BYTES`, of the link. */
  readonly publicSeed: Uint8Array;
  readonly blockId: BlockId;
  /** From 0. */
  readonly piece: number;
}

/**
 * SHAKE256(label || public seed || block id in UTF-8 || piece as 4 bytes, big-endian). All but the block id have one
 * length, so no two scopes are written alike.
 * @returns ceil(bits / 8) bytes; the unused low bits of the last are the function's output as well
 * @throws RangeError for a public seed of another length
 */
export function* expandSeed(scope: SeedScope, bits: number): Slices<Uint8Array> {
  const { publicSeed, blockId, piece } = scope;
  if (publicSeed.length !== PUBLIC_SEED_BYTES) {
    throw new RangeError(`a public seed has ${PUBLIC_SEED_BYTES} bytes, not ${publicSeed.length}`);
  }
  const pieceBytes = new Uint8Array(4);
  new DataView(pieceBytes.buffer).setUint32(0, piece);
  const stream = shake256.create().update(LABEL).update(publicSeed).update(utf8ToBytes(blockId)).update(pieceBytes);
  const seed = new Uint8Array(Math.ceil(bits / 8));
  for (let from = 0; from < seed.length; from += SLICE_BYTES) {
    stream.xofInto(seed.subarray(from, from + SLICE_BYTES));
    yield;
  }
  return seed;
}
