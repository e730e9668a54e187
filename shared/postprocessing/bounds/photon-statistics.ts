/** What the two decoy analyses share: Poisson weights, scaled counts, the phase error and the length. */
import { binaryEntropy } from "./binary-entropy.ts";
import type { FiniteTerms } from "./finite-terms.ts";
import type { Intensity } from "./intensity.ts";

/** Counts by intensity, in the order of the intensities: n detections, m errors, X the key basis, Z the test basis. */
export interface TestedCounts {
  readonly nX: readonly number[];
  readonly nZ: readonly number[];
  readonly mZ: readonly number[];
}

/** With the errors of the key basis, which are known only after error correction. */
export interface CorrectedCounts extends TestedCounts {
  readonly mX: readonly number[];
}

/** Bounds on what cannot be seen, and the key length that follows. Letters in brackets are the papers'. */
export interface SecretLength {
  /** Whole bits that may be kept; 0 where nothing is secret (l). */
  readonly secretBits: number;
  /** Before rounding down, and negative where the block falls short. */
  readonly secretBitsRaw: number;
  readonly penaltyBits: number;
  /** At least so many detections came from empty pulses (s_0) and from single photons (s_1). */
  readonly vacuumX: number;
  readonly singleX: number;
  readonly vacuumZ: number;
  readonly singleZ: number;
  /** At most so many errors among the single-photon detections of the test basis (v_Z1), */
  readonly singleErrorsZ: number;
  /** hence at most this share of them (b), */
  readonly singleErrorRateZ: number;
  /** and at most this share of phase errors in the single-photon detections of the key basis (phi_X). */
  readonly phaseErrorBound: number;
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** tau_n: the probability that a pulse of unknown intensity has n photons, for n = 0 or 1. */
export const photonProbability = (intensities: readonly Intensity[], photons: 0 | 1): number =>
  sum(intensities.map(({ meanPhotons, probability }) => probability * Math.exp(-meanPhotons) * meanPhotons ** photons));

/** e^k/p_k (count + or - deviation): the count as if every pulse had been of intensity k, without its Poisson factor. */
export interface ScaledCounts {
  upper(intensity: number): number;
  lower(intensity: number): number;
}

/** @throws RangeError for counts that are none, or not one for each intensity */
export function scaledCounts(
  intensities: readonly Intensity[],
  counts: readonly number[],
  deviation: FiniteTerms["deviation"],
): ScaledCounts {
  if (counts.length !== intensities.length || !counts.every((count) => count >= 0 && Number.isFinite(count)))
    throw new RangeError(`${intensities.length} counts are needed, one for each intensity`);
  const delta = deviation(sum(counts));
  const scaled = (index: number, sign: 1 | -1) => {
    const { meanPhotons, probability } = intensities[index] ?? { meanPhotons: 0, probability: 1 };
    return (Math.exp(meanPhotons) / probability) * Math.max(0, (counts[index] ?? 0) + sign * delta);
  };
  return { upper: (index) => scaled(index, 1), lower: (index) => scaled(index, -1) };
}

/** Lower bounds that no total can exceed: a bound above what was counted would be an artefact. */
export interface Detected {
  readonly vacuum: number;
  readonly single: number;
}

export function clipToTotal(vacuum: number, single: number, total: number): Detected {
  const empty = Math.min(Math.max(0, vacuum), total);
  return { vacuum: empty, single: Math.min(Math.max(0, single), total - empty) };
}

/** Errors among Z's single photons -> the bound on X's phase error, 1/2 where nothing can be said. */
function phaseError(errors: number, singleZ: number, singleX: number, terms: FiniteTerms): [b: number, phi: number] {
  if (singleZ <= 0 || singleX <= 0) return [0.5, 0.5];
  const b = errors / singleZ;
  return [b, b < 0.5 ? Math.min(0.5, terms.keyErrorRate(b, singleZ, singleX)) : 0.5];
}

/** l = floor( s_X0 + s_X1 (1 - h(phi_X)) - leak - penalty ): eq. 1 of Lim et al. and of Rusca et al. */
export function secretLengthOf(
  x: Detected,
  z: Detected,
  singleErrorsZ: number,
  leakedBits: number,
  terms: FiniteTerms,
): SecretLength {
  const [singleErrorRateZ, phaseErrorBound] = phaseError(singleErrorsZ, z.single, x.single, terms);
  const { penaltyBits } = terms;
  const secretBitsRaw = x.vacuum + x.single * (1 - binaryEntropy(phaseErrorBound)) - leakedBits - penaltyBits;
  return {
    // Where an epsilon or an intensity is too small for a double, this is not a number: then nothing is secret.
    secretBits: secretBitsRaw >= 1 ? Math.floor(secretBitsRaw) : 0,
    secretBitsRaw,
    penaltyBits,
    vacuumX: x.vacuum,
    singleX: x.single,
    vacuumZ: z.vacuum,
    singleZ: z.single,
    singleErrorsZ,
    singleErrorRateZ,
    phaseErrorBound,
  };
}
