/**
 * How much of a block remains. By the leftover hash lemma, m = H n - 2 log2(1/eps) bits hashed from n bits of at
 * least H bits of min-entropy each are within eps of uniform, for whoever knows the seed.
 */
import { requireMinEntropy } from "../health/design.ts";
import { err, ok, type Result } from "../result.ts";

/**
 * What an operator assumes of a source before seeing its blocks. An estimate made on a block and then used on it
 * would be no bound, so m never follows the block: one that fails the health tests at this design is not conditioned
 * but refused.
 */
export interface Design {
  /** H, more than 0 and at most 1. */
  readonly minEntropyPerBit: number;
  /** -log2 of the distance from uniform allowed a block. */
  readonly epsilonLog2: number;
}

export const DEFAULT_DESIGN: Design = { minEntropyPerBit: 0.8, epsilonLog2: 64 };

/** Longer blocks are hashed in pieces: it bounds memory and time. Part of what both ends agree on, not a setting. */
export const PIECE_BYTES = 204_800;

/**
 * floor(H n - 2 log2(1/eps)), or 0 where nothing is left.
 * @throws RangeError for H outside (0, 1]
 */
export function conditionedBits(
  nBits: number,
  designMinEntropyPerBit: number,
  epsilonLog2: number = DEFAULT_DESIGN.epsilonLog2,
): number {
  requireMinEntropy(designMinEntropyPerBit);
  return Math.max(0, Math.floor(designMinEntropyPerBit * nBits - 2 * epsilonLog2));
}

export interface Piece {
  readonly fromByte: number;
  readonly bytes: number;
  /** Keys are bytes, so up to seven bits of `conditionedBits` are given up. */
  readonly outputBytes: number;
}

export interface TooShort {
  readonly reason: "too-short";
  readonly blockBytes: number;
  /** The shortest block of which a byte remains. */
  readonly leastBytes: number;
}

/**
 * The pieces a block is hashed in: as few as `PIECE_BYTES` allows, as equal as bytes allow (a short last one would pay
 * as much as a long one). Each of k pieces gets eps / k, so that the block as a whole stays within eps. Pieces are
 * sound here because H is assumed of every bit: of a string whose bound is on the whole, they would not be.
 */
export function piecesOf(blockBytes: number, design: Design): Result<readonly Piece[], TooShort> {
  const { minEntropyPerBit, epsilonLog2 } = design;
  const count = Math.ceil(blockBytes / PIECE_BYTES);
  const cut = (index: number) => Math.floor((index * blockBytes) / count);
  const pieces = Array.from({ length: count }, (_, index): Piece => {
    const bytes = cut(index + 1) - cut(index);
    const outputBits = conditionedBits(8 * bytes, minEntropyPerBit, epsilonLog2 + Math.log2(count));
    return { fromByte: cut(index), bytes, outputBytes: Math.floor(outputBits / 8) };
  });
  if (pieces.length > 0 && pieces.every((piece) => piece.outputBytes > 0)) return ok(pieces);
  return err({ reason: "too-short", blockBytes, leastBytes: leastBlockBytes(design) });
}

function leastBlockBytes({ minEntropyPerBit, epsilonLog2 }: Design): number {
  requireMinEntropy(minEntropyPerBit);
  return Math.ceil((2 * epsilonLog2 + 8) / (8 * minEntropyPerBit));
}
