/**
 * Finite-key length with two decoys: Lim, Curty, Walenta, Xu and Zbinden, PRA 89 022307 (2014), eqs. 1-5, with all
 * partial failure probabilities equal to eps_sec/21.
 */
import { hoeffdingTerms, type FiniteTerms, type KeyLengthSettings } from "./finite-terms.ts";
import { decoyProblem, type Intensity } from "./intensity.ts";
import {
  clipToTotal,
  photonProbability,
  scaledCounts,
  secretLengthOf,
  sum,
  type Detected,
  type SecretLength,
  type TestedCounts,
} from "./photon-statistics.ts";

/** 2 (2 a1 + a2 + a3) + nu + 10 eps1 + 2 eps2, all equal. */
const EPSILON_PARTS = 21;

const means = (intensities: readonly Intensity[]): [number, number, number] => {
  const [first, second, third] = intensities;
  const problem = decoyProblem(intensities);
  if (problem !== undefined || !first || !second || !third)
    throw new RangeError(problem ?? "two decoys need three intensities");
  return [first.meanPhotons, second.meanPhotons, third.meanPhotons];
};

/** Lower bounds s_0, s_1 on one basis' detections from empty pulses and from single photons. */
function detectedBounds(
  intensities: readonly Intensity[],
  counts: readonly number[],
  deviation: FiniteTerms["deviation"],
): Detected {
  const [mu1, mu2, mu3] = means(intensities);
  const n = scaledCounts(intensities, counts, deviation);
  const [tau0, tau1] = [photonProbability(intensities, 0), photonProbability(intensities, 1)];
  const vacuum = Math.max(0, (tau0 * (mu2 * n.lower(2) - mu3 * n.upper(1))) / (mu2 - mu3));
  const several = ((mu2 ** 2 - mu3 ** 2) / mu1 ** 2) * (n.upper(0) - vacuum / tau0);
  const single = (tau1 * mu1 * (n.lower(1) - n.upper(2) - several)) / (mu1 * (mu2 - mu3) - mu2 ** 2 + mu3 ** 2);
  return clipToTotal(vacuum, single, sum(counts));
}

/** Also for counts that are shares of one: `terms` say what a finite block costs. */
export function lengthTwoDecoy(
  counts: TestedCounts,
  { intensities, leakedBits }: Pick<KeyLengthSettings, "intensities" | "leakedBits">,
  terms: FiniteTerms,
): SecretLength {
  const [, mu2, mu3] = means(intensities);
  const x = detectedBounds(intensities, counts.nX, terms.deviation);
  const z = detectedBounds(intensities, counts.nZ, terms.deviation);
  const m = scaledCounts(intensities, counts.mZ, terms.deviation);
  const errors = (photonProbability(intensities, 1) * (m.upper(1) - m.lower(2))) / (mu2 - mu3);
  return secretLengthOf(x, z, Math.max(0, errors), leakedBits, terms);
}

/**
 * The key length of a block with three intensities. Errors of the key basis are not needed.
 * @throws RangeError for settings or counts out of their domain (`decoyProblem` tells of intensities beforehand)
 */
export const secretLengthTwoDecoy = (counts: TestedCounts, settings: KeyLengthSettings): SecretLength =>
  lengthTwoDecoy(counts, settings, hoeffdingTerms(EPSILON_PARTS, settings));
