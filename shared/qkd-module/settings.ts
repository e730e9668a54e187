/** Settings of a QKD module, as its configuration says them, and what its channel and its blocks are run with. */
import * as v from "valibot";
import type { Intensity } from "../postprocessing/bounds/intensity.ts";
import {
  type BlockParameters,
  DEFAULT_ERROR_RATE_LIMIT,
  leakLimitOf,
  parametersProblem,
} from "../postprocessing/session/parameters.ts";
import { LIMITS } from "../limits.ts";
import { settingsProblem, type LinkSettings } from "../simulator/settings.ts";

export const SIMULATIONS = ["fake", "bb84"] as const;
export type Simulation = (typeof SIMULATIONS)[number];

const between = (least: number, most: number) => v.pipe(v.number(), v.minValue(least), v.maxValue(most));
const whole = (least: number, most: number) => v.pipe(between(least, most), v.integer());

/** Detector efficiency, dark counts, misalignment, intensities: the reference set BB84-REF-A with two decoys. */
const REFERENCE_INTENSITIES = [
  { mean_photons: 0.5, probability: 0.35 },
  { mean_photons: 0.2, probability: 0.4 },
  { mean_photons: 2e-4, probability: 0.25 },
];

const intensity = v.strictObject({ mean_photons: between(0, 10), probability: between(0, 1) });

/** As the network document has them; what they simulate is the link's source. */
export const ModuleSettingsSchema = v.strictObject({
  /** Of the light on its way, without the detectors. */
  loss_db: v.optional(between(0, 100), 10),
  detector_efficiency: v.optional(between(0, 1), 0.2),
  /** Per pulse and detector. */
  dark_count_probability: v.optional(between(0, 0.5), 1e-6),
  /** Share of the light that reaches the wrong detector although the bases agree. */
  misalignment: v.optional(between(0, 0.5), 0.01),
  /** Mean photon numbers of signal and decoys, brightest first: two (one decoy) or three (two decoys). */
  intensities: v.optional(
    v.pipe(v.array(intensity), v.minLength(2), v.maxLength(LIMITS.bb84Intensities)),
    REFERENCE_INTENSITIES,
  ),
  /** With which each end chooses the basis that key is made of. */
  key_basis_probability: v.optional(between(0.01, 0.99), 0.7),
  pulse_rate_hz: v.optional(whole(1, 10_000_000_000), 10_000_000),
  /** Bits of sifted key in a block: short blocks come often, long ones give more key. */
  key_basis_detections: v.optional(whole(1000, LIMITS.moduleKeyBits), 100_000),
  /** Share of the pulses that Eve intercepts and sends on as she saw them. */
  eve_share: v.optional(between(0, 1), 0),
  /** Keys of the policy's default size that may be there before the module stops; the pool's high watermark where absent. */
  max_key_count: v.optional(whole(1, 1_000_000_000)),
  /** Makes what the channel does repeatable: 64 hex digits. Whoever knows it knows the keys. */
  seed: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "shall be 64 lower-case hex digits"))),
});
export type ModuleMembers = v.InferOutput<typeof ModuleSettingsSchema>;
export const DEFAULT_MODULE: ModuleMembers = v.parse(ModuleSettingsSchema, {});

export interface ModuleSettings extends ModuleMembers {
  readonly sim: Simulation;
  /** What `fake` makes. */
  readonly key_rate_bps: number;
}

/** Below all that reports and pools call safe: bb84.md's reference. */
const SECURITY_EPSILON = 1e-10;
const CORRECTNESS_EPSILON = 1e-15;
/** A block that has not filled up after so long is given up: the line is dead, or nearly. */
const BLOCK_SECONDS_MAX = 3600;

const intensitiesOf = ({ intensities }: ModuleMembers): Intensity[] =>
  intensities.map(({ mean_photons: meanPhotons, probability }) => ({ meanPhotons, probability }));

export const channelOf = (settings: ModuleMembers): LinkSettings => ({
  lossDb: settings.loss_db,
  detectorEfficiency: settings.detector_efficiency,
  darkCountProbability: settings.dark_count_probability,
  misalignment: settings.misalignment,
  intensities: intensitiesOf(settings),
  keyBasisProbability: settings.key_basis_probability,
});

/** What both ends have to agree on. Nothing of the channel is in it: a block may not be tuned on what it meets. */
export const parametersOf = (settings: ModuleMembers): BlockParameters => ({
  intensities: intensitiesOf(settings),
  keyBasisProbability: settings.key_basis_probability,
  pulses: Math.min(Number.MAX_SAFE_INTEGER, settings.pulse_rate_hz * BLOCK_SECONDS_MAX),
  keyBits: settings.key_basis_detections,
  securityEpsilon: SECURITY_EPSILON,
  correctnessEpsilon: CORRECTNESS_EPSILON,
  errorRateLimit: DEFAULT_ERROR_RATE_LIMIT,
  leakLimitBits: leakLimitOf(settings.key_basis_detections, DEFAULT_ERROR_RATE_LIMIT),
});

/** Far above what chance makes of them. */
const DETECTIONS_MARGIN = 2;
const DETECTIONS_MORE = 10_000;

/** More than a block's run has, which is over with so many detections for which both ends chose the key basis. */
export const detectionsMaxOf = ({
  key_basis_detections: sifted,
  key_basis_probability: probability,
}: ModuleMembers): number =>
  Math.min(LIMITS.bb84Detections, Math.ceil((DETECTIONS_MARGIN * sifted) / probability ** 2) + DETECTIONS_MORE);

/** What is wrong with settings whose shape is right, or nothing. */
export const moduleProblem = (settings: ModuleMembers): string | undefined =>
  settingsProblem(channelOf(settings)) ?? parametersProblem(parametersOf(settings));
