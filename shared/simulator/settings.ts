/** What is simulated: one source, one channel, one receiver. */
import { intensitiesProblem, type Intensity } from "../postprocessing/bounds/intensity.ts";

export interface ChannelSettings {
  /** Of the light on its way, without the detectors. */
  readonly lossDb: number;
  readonly detectorEfficiency: number;
  /** Per pulse and detector. */
  readonly darkCountProbability: number;
  /** Share of the light that reaches the wrong detector although the bases agree, at most 1/2. */
  readonly misalignment: number;
}

export interface LinkSettings extends ChannelSettings {
  /** Brightest first. */
  readonly intensities: readonly Intensity[];
  /** With which each end chooses the key basis. */
  readonly keyBasisProbability: number;
  /** Pulses after a detection during which both detectors are blind; none by default. */
  readonly deadTimePulses?: number;
}

const RANGES: readonly (readonly [keyof ChannelSettings | "keyBasisProbability", least: number, most: number])[] = [
  ["lossDb", 0, 200],
  ["detectorEfficiency", 0, 1],
  ["darkCountProbability", 0, 0.5],
  ["misalignment", 0, 0.5],
  ["keyBasisProbability", 0, 1],
];
const DEAD_TIME_PULSES_MAX = 1e9;
/** They are numbered in a byte. */
const INTENSITIES_MAX = 8;

/** What is wrong with the settings, or nothing. */
export function settingsProblem(settings: LinkSettings): string | undefined {
  for (const [name, least, most] of RANGES)
    if (!(settings[name] >= least && settings[name] <= most)) return `${name} must lie between ${least} and ${most}`;
  const { deadTimePulses = 0, intensities } = settings;
  if (!Number.isSafeInteger(deadTimePulses) || deadTimePulses < 0 || deadTimePulses > DEAD_TIME_PULSES_MAX)
    return `deadTimePulses must be a whole number, at most ${DEAD_TIME_PULSES_MAX}`;
  if (intensities.length === 0 || intensities.length > INTENSITIES_MAX)
    return `between 1 and ${INTENSITIES_MAX} intensities are needed`;
  return intensitiesProblem(intensities);
}
