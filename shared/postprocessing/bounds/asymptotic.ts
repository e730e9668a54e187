/**
 * Rates of infinitely long blocks, to plan a link and to compare with: no block may be cut to them.
 * GLLP with decoys: Lo, Ma and Chen, PRL 94 230504 (2005); Ma, Qi, Zhao and Lo, PRA 72 012326 (2005).
 */
import { binaryEntropy } from "./binary-entropy.ts";
import { ASYMPTOTIC_TERMS, type KeyLengthSettings } from "./finite-terms.ts";
import { lengthOneDecoy } from "./one-decoy.ts";
import type { CorrectedCounts, SecretLength } from "./photon-statistics.ts";
import { lengthTwoDecoy } from "./two-decoy.ts";

/** The finite formulas without what finite blocks cost; `counts` may be shares of one detection. */
export const asymptoticLength = (
  counts: CorrectedCounts,
  settings: Pick<KeyLengthSettings, "intensities" | "leakedBits">,
): SecretLength =>
  (settings.intensities.length === 2 ? lengthOneDecoy : lengthTwoDecoy)(counts, settings, ASYMPTOTIC_TERMS);

/** Seen of one intensity: the share of its pulses that were detected, and of wrong bits among those. */
export interface Observed {
  readonly meanPhotons: number;
  readonly gain: number;
  readonly errorRate: number;
}

export interface SinglePhotons {
  /** Probability that a pulse of one photon is detected (Y_1). */
  readonly yield: number;
  /** Share of wrong bits among those (e_1). */
  readonly errorRate: number;
}

/**
 * R = q (Q_1 (1 - h(e_1)) - Q_mu f h(E_mu)), secret bits a pulse; negative where there is no key.
 * @param sifting q: the share of detections that makes key
 * @param correctionEfficiency f: bits disclosed by error correction over the Shannon limit
 */
export function gllpRate(
  signal: Observed,
  single: SinglePhotons,
  sifting: number,
  correctionEfficiency: number,
): number {
  const singleGain = signal.meanPhotons * Math.exp(-signal.meanPhotons) * single.yield;
  const corrected = signal.gain * correctionEfficiency * binaryEntropy(signal.errorRate);
  return sifting * (singleGain * (1 - binaryEntropy(single.errorRate)) - corrected);
}

/**
 * What two decoys tell of single photons: a lower bound on the yield, an upper bound on the error rate.
 * @throws RangeError unless weaker < weak and weaker + weak < signal
 */
export function twoDecoyBounds(signal: Observed, weak: Observed, weaker: Observed): SinglePhotons {
  const [mu, nu1, nu2] = [signal.meanPhotons, weak.meanPhotons, weaker.meanPhotons];
  if (!(nu2 >= 0 && nu2 < nu1 && nu1 + nu2 < mu)) throw new RangeError("decoys must be weaker than the signal");
  const scaled = ({ meanPhotons, gain }: Observed) => gain * Math.exp(meanPhotons);
  const vacuum = Math.max(0, (nu1 * scaled(weaker) - nu2 * scaled(weak)) / (nu1 - nu2));
  const several = ((nu1 ** 2 - nu2 ** 2) / mu ** 2) * (scaled(signal) - vacuum);
  const bound = (mu * (scaled(weak) - scaled(weaker) - several)) / (mu * (nu1 - nu2) - nu1 ** 2 + nu2 ** 2);
  if (bound <= 0) return { yield: 0, errorRate: 0.5 };
  const errors = weak.errorRate * scaled(weak) - weaker.errorRate * scaled(weaker);
  return { yield: bound, errorRate: Math.min(0.5, Math.max(0, errors / ((nu1 - nu2) * bound))) };
}

const HALVINGS = 60;

/** The signal intensity of the highest rate at high loss: (1 - mu) e^-mu = f h(e) / (1 - h(e)); 0 where none is. */
export function bestMeanPhotons(misalignment: number, correctionEfficiency: number): number {
  const entropy = binaryEntropy(misalignment);
  const target = (correctionEfficiency * entropy) / (1 - entropy);
  let [low, high] = [0, 1];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    // The left side falls from 1 at mu = 0 to 0 at mu = 1.
    if ((1 - middle) * Math.exp(-middle) > target) low = middle;
    else high = middle;
  }
  return low;
}
