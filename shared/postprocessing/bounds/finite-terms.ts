/**
 * What a finite block costs: how far a count may lie from its mean, how far the phase errors of one sample from those
 * of another, and the bits given up for the failure probabilities. Both decoy analyses use the same terms; they differ
 * in the number of equal parts they divide the secrecy parameter into.
 */
import type { Intensity } from "./intensity.ts";

export interface KeyLengthSettings {
  /** Brightest first. */
  readonly intensities: readonly Intensity[];
  /** Distance from an ideal key, to the adversary. */
  readonly securityEpsilon: number;
  /** Probability that the two ends' keys differ unnoticed. */
  readonly correctnessEpsilon: number;
  /** Bits that error correction disclosed, by count. */
  readonly leakedBits: number;
  /**
   * Bits of the verification tag, if it goes in the clear. The log2(2/eps_cor) of the formulas stands for that tag, so
   * the larger of the two is charged, not both.
   */
  readonly verificationTagBits?: number;
}

export interface FiniteTerms {
  /** Largest deviation of any one intensity's count, of `total` counts in that basis. */
  readonly deviation: (total: number) => number;
  /** What error rate `d` key events may have, of whose kind `c` test events showed the rate `b`, below 1/2. */
  readonly keyErrorRate: (b: number, c: number, d: number) => number;
  readonly penaltyBits: number;
}

function requireEpsilon(name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new RangeError(`${name} must lie between 0 and 1: ${value}`);
}

/**
 * Hoeffding's inequality (natural logarithm) for counts, the hypergeometric tail of Lim et al., PRA 89 022307, eq. 5
 * (binary logarithm) for phase errors.
 * @param parts equal parts of the secrecy parameter: 21 with two decoys, 19 with one
 * @throws RangeError for a parameter outside (0, 1) or a negative leak
 */
export function hoeffdingTerms(parts: number, settings: KeyLengthSettings): FiniteTerms {
  const { securityEpsilon, correctnessEpsilon, leakedBits, verificationTagBits = 0 } = settings;
  requireEpsilon("securityEpsilon", securityEpsilon);
  requireEpsilon("correctnessEpsilon", correctnessEpsilon);
  if (!(leakedBits >= 0)) throw new RangeError(`leakedBits must not be negative: ${leakedBits}`);
  const inverse = parts / securityEpsilon;
  return {
    deviation: (total) => Math.sqrt((total / 2) * Math.log(inverse)),
    keyErrorRate: (observed, c, d) => {
      // The deviation vanishes with the errors, and none seen proves nothing: count one at least.
      const b = Math.max(observed, Math.min(0.5, 1 / c));
      const spread = ((c + d) * (1 - b) * b) / (c * d * Math.LN2);
      const tail = Math.log2((c + d) / (c * d * (1 - b) * b)) + 2 * Math.log2(inverse);
      return b + Math.sqrt(spread * Math.max(0, tail));
    },
    penaltyBits: 6 * Math.log2(inverse) + Math.max(verificationTagBits, Math.log2(2 / correctnessEpsilon)),
  };
}

/** The limit of infinitely long blocks. */
export const ASYMPTOTIC_TERMS: FiniteTerms = { deviation: () => 0, keyErrorRate: (b) => b, penaltyBits: 0 };
