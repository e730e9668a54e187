/** Conditioning: from a block of biased bits to a shorter one that is close to uniform. */
import type { BlockId } from "../ids.ts";
import { ok, type Result } from "../result.ts";
import { type Design, piecesOf, type TooShort } from "./lengths.ts";
import { expandSeed } from "./seed.ts";
import { type Pause, runWithPauses, type Slices } from "./slices.ts";
import { toeplitzInSlices } from "./toeplitz.ts";

/** What the two ends of a link have in common. Equal blocks under equal ids then give equal output. */
export interface Conditioning {
  readonly design: Design;
  /** 32 random bytes drawn before any block is made; not secret. */
  readonly publicSeed: Uint8Array;
}

/**
 * Hashes a block, piece by piece. It asks nothing of the block: assess its health at the design's min-entropy first,
 * and refuse it where that fails.
 * @param block must not change before the end; the caller wipes it, and the output
 * @param pause called every few milliseconds of work
 * @returns the pieces' output, in order; `too-short` where not a byte would be left
 * @throws RangeError for a public seed that is not 32 bytes or a min-entropy outside (0, 1]
 */
export const condition = async (
  block: Uint8Array,
  blockId: BlockId,
  conditioning: Conditioning,
  pause: Pause,
): Promise<Result<Uint8Array, TooShort>> => await runWithPauses(conditionInSlices(block, blockId, conditioning), pause);

/** The same as a generator. */
export function* conditionInSlices(
  block: Uint8Array,
  blockId: BlockId,
  { design, publicSeed }: Conditioning,
): Slices<Result<Uint8Array, TooShort>> {
  const pieces = piecesOf(block.length, design);
  if (!pieces.ok) return pieces;
  const output = new Uint8Array(pieces.value.reduce((sum, piece) => sum + piece.outputBytes, 0));
  let written = 0;
  for (const [piece, { fromByte, bytes, outputBytes }] of pieces.value.entries()) {
    const [nBits, mBits] = [8 * bytes, 8 * outputBytes];
    const seed = yield* expandSeed({ publicSeed, blockId, piece }, nBits + mBits - 1);
    const hash = yield* toeplitzInSlices(block.subarray(fromByte, fromByte + bytes), nBits, seed, mBits);
    output.set(hash, written);
    hash.fill(0);
    written += outputBytes;
  }
  return ok(output);
}
