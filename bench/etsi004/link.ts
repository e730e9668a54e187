/** The link that is simulated: BB84-REF-A with two decoys at 10 dB, whose error rate is 1 %. Pure. */
import type { LinkSettings } from "../../shared/simulator/settings.ts";

export const LINK: LinkSettings = {
  lossDb: 10,
  detectorEfficiency: 0.2,
  darkCountProbability: 1e-6,
  misalignment: 0.01,
  intensities: [
    { meanPhotons: 0.5, probability: 0.35 },
    { meanPhotons: 0.2, probability: 0.4 },
    { meanPhotons: 2e-4, probability: 0.25 },
  ],
  keyBasisProbability: 0.7,
};
