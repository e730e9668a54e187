/**
 * Finite-key length with one decoy: Rusca, Boaron, Grünenfelder, Martin and Zbinden, APL 112 171104 (2018), with all
 * partial failure probabilities equal to eps_sec/19. The letters of the bases are those of Lim et al.: X is the key's.
 * The published appendix prints n+ and n- without e^k/p_k and a constant 2^21 in the phase error; the derivation
 * gives the factor and 19^2, as here.
 */
import { hoeffdingTerms, type FiniteTerms, type KeyLengthSettings } from "./finite-terms.ts";
import { decoyProblem, type Intensity } from "./intensity.ts";
import {
  clipToTotal,
  photonProbability,
  scaledCounts,
  secretLengthOf,
  sum,
  type CorrectedCounts,
  type Detected,
  type SecretLength,
} from "./photon-statistics.ts";

/** 2 (1 + 2 + 1) + 1 + 6 + 4. */
const EPSILON_PARTS = 19;

/** Also what only one decoy needs: upper bounds on the detections from empty pulses (s_0^u). */
export interface SecretLengthOneDecoy extends SecretLength {
  readonly vacuumUpperX: number;
  readonly vacuumUpperZ: number;
}

const means = (intensities: readonly Intensity[]): [number, number] => {
  const [first, second, ...others] = intensities;
  const problem = decoyProblem(intensities);
  if (problem !== undefined || !first || !second || others.length > 0)
    throw new RangeError(problem ?? "one decoy needs two intensities");
  return [first.meanPhotons, second.meanPhotons];
};

/** Empty pulses err half the time, so twice the errors of any intensity bounds them from above. */
function vacuumUpper(
  intensities: readonly Intensity[],
  counts: readonly number[],
  errors: readonly number[],
  deviation: FiniteTerms["deviation"],
): number {
  const m = scaledCounts(intensities, errors, deviation);
  const tau0 = photonProbability(intensities, 0);
  return 2 * (tau0 * Math.min(m.upper(0), m.upper(1)) + deviation(sum(counts)));
}

function detectedBounds(
  intensities: readonly Intensity[],
  counts: readonly number[],
  vacuumAtMost: number,
  deviation: FiniteTerms["deviation"],
): Detected {
  const [mu1, mu2] = means(intensities);
  const n = scaledCounts(intensities, counts, deviation);
  const [tau0, tau1] = [photonProbability(intensities, 0), photonProbability(intensities, 1)];
  const vacuum = (tau0 * (mu1 * n.lower(1) - mu2 * n.upper(0))) / (mu1 - mu2);
  const several = (mu2 / mu1) ** 2 * n.upper(0) + (((mu1 ** 2 - mu2 ** 2) / mu1 ** 2) * vacuumAtMost) / tau0;
  const single = (tau1 * mu1 * (n.lower(1) - several)) / (mu2 * (mu1 - mu2));
  return clipToTotal(vacuum, single, sum(counts));
}

/** Also for counts that are shares of one: `terms` say what a finite block costs. */
export function lengthOneDecoy(
  counts: CorrectedCounts,
  { intensities, leakedBits }: Pick<KeyLengthSettings, "intensities" | "leakedBits">,
  terms: FiniteTerms,
): SecretLengthOneDecoy {
  const [mu1, mu2] = means(intensities);
  const vacuumUpperX = vacuumUpper(intensities, counts.nX, counts.mX, terms.deviation);
  const vacuumUpperZ = vacuumUpper(intensities, counts.nZ, counts.mZ, terms.deviation);
  const x = detectedBounds(intensities, counts.nX, vacuumUpperX, terms.deviation);
  const z = detectedBounds(intensities, counts.nZ, vacuumUpperZ, terms.deviation);
  const m = scaledCounts(intensities, counts.mZ, terms.deviation);
  const errors = (photonProbability(intensities, 1) * (m.upper(0) - m.lower(1))) / (mu1 - mu2);
  return { ...secretLengthOf(x, z, Math.max(0, errors), leakedBits, terms), vacuumUpperX, vacuumUpperZ };
}

/**
 * The key length of a block with two intensities. It needs the errors of the key basis, which Bob counts while error
 * correction flips his bits.
 * @throws RangeError for settings or counts out of their domain (`decoyProblem` tells of intensities beforehand)
 */
export const secretLengthOneDecoy = (counts: CorrectedCounts, settings: KeyLengthSettings): SecretLengthOneDecoy =>
  lengthOneDecoy(counts, settings, hoeffdingTerms(EPSILON_PARTS, settings));
