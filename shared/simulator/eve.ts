/** What an eavesdropper on the line makes of a pulse. An attack is a function, so the sampler knows none by name. */
import { coherentOutcomes, EVEN_SPLIT, gain, outcomesOf, transmittance, type Outcomes } from "./channel.ts";
import type { ChannelSettings } from "./settings.ts";

/** How a pulse is detected where both ends' bases agree, or where they do not. */
export type Attack = (channel: ChannelSettings, meanPhotons: number, basesAgree: boolean) => Outcomes;

const alignment = (channel: ChannelSettings, basesAgree: boolean) => (basesAgree ? channel.misalignment : EVEN_SPLIT);

export const noAttack: Attack = (channel, meanPhotons, basesAgree) =>
  coherentOutcomes(channel, meanPhotons, alignment(channel, basesAgree));

/**
 * Intercept and resend on a share f of the pulses: Eve measures in a random basis and sends on what she saw, with as
 * many photons as she received. Half of those pulses leave in the wrong basis and give Bob a coin's bit. No gain
 * changes; the error rate becomes E + f (1/4 - E/2).
 * @throws RangeError for a share outside [0, 1]
 */
export function interceptResend(share: number): Attack {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`the share of pulses must lie between 0 and 1: ${share}`);
  return (channel, meanPhotons, basesAgree) => {
    const passed = noAttack(channel, meanPhotons, basesAgree);
    const spoiled = noAttack(channel, meanPhotons, false);
    const mix = (outcome: keyof Outcomes) => (1 - share / 2) * passed[outcome] + (share / 2) * spoiled[outcome];
    return { rightOnly: mix("rightOnly"), wrongOnly: mix("wrongOnly"), double: mix("double") };
  };
}

/**
 * Photon number splitting: Eve blocks single photons, keeps one photon of every other pulse until the bases are
 * known, and sends the rest through a better channel of her own. The error rate stays as it is; only decoys tell.
 * @param detection probability that Bob detects a photon she sends on, from `splittingDetection`
 */
export function photonNumberSplitting(detection: number): Attack {
  return (channel, meanPhotons, basesAgree) => {
    const better = { ...channel, lossDb: 0, detectorEfficiency: detection };
    return outcomesOf(better, (seen) => keptOne(meanPhotons, seen), alignment(channel, basesAgree));
  };
}

/** Sum over n of Poisson(n) (1-seen)^max(0, n-1): nobody sees any photon but the one Eve kept. */
function keptOne(meanPhotons: number, seen: number): number {
  const none = Math.exp(-meanPhotons);
  // At seen = 1 the sum is that of n = 0 and n = 1.
  if (seen >= 1) return none * (1 + meanPhotons);
  return none * (1 + Math.expm1(meanPhotons * (1 - seen)) / (1 - seen));
}

const HALVINGS = 60;

/**
 * The detection probability with which splitting leaves the signal's gain as it was.
 * @returns undefined where the channel is too good: Bob would miss the blocked photons
 */
export function splittingDetection(channel: ChannelSettings, meanPhotons: number): number | undefined {
  const honest = gain(noAttack(channel, meanPhotons, true));
  const attacked = (detection: number) => gain(photonNumberSplitting(detection)(channel, meanPhotons, true));
  if (attacked(1) < honest) return undefined;
  let [low, high] = [transmittance(channel), 1];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    if (attacked(middle) < honest) low = middle;
    else high = middle;
  }
  return high;
}
