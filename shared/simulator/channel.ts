/**
 * What Bob's two threshold detectors do with a pulse, exactly: phase-randomised light through loss, misalignment and
 * dark counts. Textbook models are the first order of these formulas in the dark counts.
 */
import type { ChannelSettings } from "./settings.ts";

/** Probabilities of the three ways a pulse is detected; what is missing to 1 is silence. */
export interface Outcomes {
  readonly rightOnly: number;
  readonly wrongOnly: number;
  /** Both detectors; Bob then takes a random bit, as dropping such events would let an attacker choose his bases. */
  readonly double: number;
}

/** Where bases differ, light splits evenly: whatever the alignment, the bit is a coin's. */
export const EVEN_SPLIT = 0.5;

/** eta: the share of the photons Alice sends that would be detected. */
export const transmittance = ({ lossDb, detectorEfficiency }: ChannelSettings): number =>
  detectorEfficiency * 10 ** (-lossDb / 10);

/** Q_k or Y_n: the probability that a pulse is detected. */
export const gain = ({ rightOnly, wrongOnly, double }: Outcomes): number => rightOnly + wrongOnly + double;

/** E_k Q_k or e_n Y_n: the probability that it is detected and the bit is wrong. */
export const errorGain = ({ wrongOnly, double }: Outcomes): number => wrongOnly + double / 2;

/** E_k or e_n; 0 where nothing is detected. */
export const errorRate = (outcomes: Outcomes): number => (errorGain(outcomes) || 0) / (gain(outcomes) || 1);

/** A pulse of a mean photon number: its photons reach the two detectors independently of each other. */
export function coherentOutcomes(
  channel: ChannelSettings,
  meanPhotons: number,
  misalignment: number = channel.misalignment,
): Outcomes {
  const arriving = transmittance(channel) * meanPhotons;
  // 1 - (1-p_d) exp(-x), with all its digits however faint the light.
  const clicks = (photons: number) => -Math.expm1(Math.log1p(-channel.darkCountProbability) - photons);
  const right = clicks(arriving * (1 - misalignment));
  const wrong = clicks(arriving * misalignment);
  return { rightOnly: right * (1 - wrong), wrongOnly: wrong * (1 - right), double: right * wrong };
}

/**
 * Light of any photon statistics.
 * @param unseen probability that no photon is detected by a detector that each photon triggers with this probability
 */
export function outcomesOf(
  channel: ChannelSettings,
  unseen: (photonDetection: number) => number,
  misalignment: number,
): Outcomes {
  const dark = channel.darkCountProbability;
  const eta = transmittance(channel);
  const noRight = (1 - dark) * unseen(eta * (1 - misalignment));
  const noWrong = (1 - dark) * unseen(eta * misalignment);
  const silence = (1 - dark) ** 2 * unseen(eta);
  // Rounding must not turn the rarest into something below nothing.
  const double = Math.max(0, 1 - noRight - noWrong + silence);
  return { rightOnly: noWrong - silence, wrongOnly: noRight - silence, double };
}

/** A pulse of exactly so many photons. */
export const photonOutcomes = (
  channel: ChannelSettings,
  photons: number,
  misalignment: number = channel.misalignment,
): Outcomes => outcomesOf(channel, (detection) => (1 - detection) ** photons, misalignment);
