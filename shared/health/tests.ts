/**
 * Bounds of the health tests run on every block, at a false-alarm probability of 2^-40 a test for independent bits of
 * the min-entropy the source is designed for. NIST SP 800-90B clauses 4.4.1 (repetition count) and 4.4.2 (adaptive
 * proportion), on *bits*: byte-wise tests miss a constant bias of the bits.
 */
const ALPHA_LOG2 = -40;
export const ADAPTIVE_WINDOW_BITS = 1024;
/** The count of ones may stray this many standard deviations from what is expected (two-sided probability 2e-7). */
const ONES_SIGMAS = 5.2;
/**
 * Shorter blocks are not judged by their min-entropy estimate. It allows for the sample's size, and the byte-wise one
 * so much that on 8 KiB it would condemn bits of 0.84 at a design of 0.80 three times in four.
 */
export const ESTIMATE_JUDGED_BYTES = 64 * 1024;

/** Reaching a cutoff is a failure. */
export interface Cutoffs {
  readonly repetitionBits: number;
  readonly adaptive: number;
}

const FULL_ENTROPY = cutoffs(1, ALPHA_LOG2);

/** @param designMinEntropyPerBit H, more than 0 and at most 1 */
export const cutoffsAt = (designMinEntropyPerBit: number): Cutoffs =>
  designMinEntropyPerBit === 1 ? FULL_ENTROPY : cutoffs(designMinEntropyPerBit, ALPHA_LOG2);

/** @param alphaLog2 log2 of the false-alarm probability, negative */
export function cutoffs(designMinEntropyPerBit: number, alphaLog2: number): Cutoffs {
  return {
    repetitionBits: 1 + Math.ceil(-alphaLog2 / designMinEntropyPerBit),
    adaptive: 1 + criticalBinomial(ADAPTIVE_WINDOW_BITS, 2 ** -designMinEntropyPerBit, alphaLog2),
  };
}

/** The smallest c with P[X > c] <= 2^alphaLog2 for X the successes in `trials`, each of probability `p` in (0, 1). */
export function criticalBinomial(trials: number, p: number, alphaLog2: number): number {
  const alpha = 2 ** alphaLog2;
  let c = trials;
  let log2Probability = trials * Math.log2(p); // of X = c; p^1024 itself is too small for a double
  let tail = 2 ** log2Probability; // of X >= c
  while (tail <= alpha) {
    log2Probability += Math.log2((c * (1 - p)) / ((trials - c + 1) * p));
    c--;
    tail += 2 ** log2Probability;
  }
  return c;
}

/** Fewest and most ones among `bits` whose likelier value has probability 2^-H, whichever of the two it is. */
export function onesBounds(
  bits: number,
  designMinEntropyPerBit: number,
): { readonly low: number; readonly high: number } {
  const likelier = 2 ** -designMinEntropyPerBit;
  const stray = ONES_SIGMAS * Math.sqrt(bits * likelier * (1 - likelier));
  return { low: Math.ceil(bits * (1 - likelier) - stray), high: Math.floor(bits * likelier + stray) };
}
