/**
 * The pulse classes of a decoy-state protocol, brightest first. They are protocol parameters: fixed before a block,
 * never tuned on what it counted.
 */
export interface Intensity {
  /** Photons in a pulse, on average. */
  readonly meanPhotons: number;
  /** Share of the pulses Alice sends at this intensity. */
  readonly probability: number;
}

/** More would make the Poisson weights underflow, and no protocol sends so bright. */
const MEAN_PHOTONS_MAX = 20;
const ROUNDING = 1e-9;

/** What is wrong with a set of intensities whatever the protocol, or nothing. */
export function intensitiesProblem(intensities: readonly Intensity[]): string | undefined {
  if (!intensities.every(({ meanPhotons }) => meanPhotons >= 0 && meanPhotons <= MEAN_PHOTONS_MAX))
    return `mean photon numbers must lie between 0 and ${MEAN_PHOTONS_MAX}`;
  if (!intensities.every(({ probability }) => probability > 0 && probability <= 1))
    return "the probability of an intensity must be above 0 and at most 1";
  const sum = intensities.reduce((total, { probability }) => total + probability, 0);
  return Math.abs(sum - 1) <= ROUNDING ? undefined : "the probabilities of the intensities must sum to 1";
}

/**
 * What keeps intensities from being those of a decoy protocol, or nothing. The denominators of the bounds are positive
 * for mu1 > mu2 + mu3 and mu2 > mu3 only; that they are positive alone would prove nothing, as both factors can be
 * negative.
 */
export function decoyProblem(intensities: readonly Intensity[]): string | undefined {
  const means = intensities.map(({ meanPhotons }) => meanPhotons);
  const [first = 0, second = 0, third = 0] = means;
  if (means.length !== 2 && means.length !== 3) return "two intensities (one decoy) or three (two decoys) are needed";
  if (!(second > third)) return "each decoy must be weaker than the one before, and the first of them not vacuum";
  if (!(first > second + third)) return "the signal must be brighter than the decoys together";
  return intensitiesProblem(intensities);
}
