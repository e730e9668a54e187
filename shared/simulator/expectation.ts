/** What a block is expected to count, to plan with and to hold samples against. */
import { sum, type CorrectedCounts } from "../postprocessing/bounds/photon-statistics.ts";
import { errorGain, gain } from "./channel.ts";
import { noAttack, type Attack } from "./eve.ts";
import type { LinkSettings } from "./settings.ts";

export interface ExpectedBlock extends CorrectedCounts {
  /** Pulses sent for the block, at no dead time. */
  readonly pulses: number;
  /** Share of wrong bits among the key basis' detections. */
  readonly keyErrorRate: number;
}

/** Means of a block of so many sifted detections in the key basis. */
export function expectedBlock(
  settings: LinkSettings,
  keyBasisDetections: number,
  attack: Attack = noAttack,
): ExpectedBlock {
  const { intensities, keyBasisProbability } = settings;
  const outcomes = intensities.map(({ meanPhotons }) => attack(settings, meanPhotons, true));
  const weights = intensities.map(({ probability }) => probability);
  const gains = outcomes.map((each, k) => (weights[k] ?? 0) * gain(each));
  const errors = outcomes.map((each, k) => (weights[k] ?? 0) * errorGain(each));
  const pulses = keyBasisDetections / (keyBasisProbability ** 2 * sum(gains));
  const counts = (values: readonly number[], bothChose: number) => values.map((value) => pulses * bothChose * value);
  return {
    pulses,
    nX: counts(gains, keyBasisProbability ** 2),
    mX: counts(errors, keyBasisProbability ** 2),
    nZ: counts(gains, (1 - keyBasisProbability) ** 2),
    mZ: counts(errors, (1 - keyBasisProbability) ** 2),
    keyErrorRate: sum(errors) / sum(gains),
  };
}
