/**
 * What a block is run with. Both ends are configured alike, and the first message says it: none of it may be tuned on
 * what the block counts, or the bounds on its key do not hold.
 */
import { LIMITS } from "../../limits.ts";
import { binaryEntropy } from "../bounds/binary-entropy.ts";
import { decoyProblem, type Intensity } from "../bounds/intensity.ts";
import { equalBytes } from "../authentication/equal.ts";
import { verificationEpsilon } from "../verification.ts";
import { type FieldReader, FieldWriter } from "./fields.ts";

export interface BlockParameters {
  /** Brightest first: two (one decoy) or three (two decoys). */
  readonly intensities: readonly Intensity[];
  /** With which each end chooses the key basis. */
  readonly keyBasisProbability: number;
  /** Pulses of a run are numbered below it. */
  readonly pulses: number;
  /** A block is the run up to the detection that gives so many bits of sifted key. */
  readonly keyBits: number;
  readonly securityEpsilon: number;
  readonly correctnessEpsilon: number;
  /** Above this share of errors, in either basis, the block is given up and an eavesdropper assumed. */
  readonly errorRateLimit: number;
  /** What Alice discloses at most while errors are corrected. */
  readonly leakLimitBits: number;
}

/** Above any error rate at which a key is left (section 2.1: none from 6 % on at a million bits). */
export const DEFAULT_ERROR_RATE_LIMIT = 0.08;
/** Cascade discloses 1.05 to 1.10 times Shannon's bound; a short block strays further. */
const LEAK_MARGIN = 1.3;
const LEAK_FLOOR_BITS = 1000;

/** The leak of a block at its highest error rate, with room to spare. */
export const leakLimitOf = (keyBits: number, errorRateLimit: number): number =>
  Math.ceil(LEAK_MARGIN * keyBits * binaryEntropy(errorRateLimit)) + LEAK_FLOOR_BITS;

const isShare = (value: number): boolean => value > 0 && value < 1;
const isCount = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= most;

/** What is wrong with parameters, or nothing. */
export function parametersProblem(parameters: BlockParameters): string | undefined {
  const { intensities, keyBasisProbability, pulses, keyBits, securityEpsilon, correctnessEpsilon } = parameters;
  if (!isShare(keyBasisProbability)) return "the probability of the key basis must lie between 0 and 1";
  if (!isShare(securityEpsilon) || !isShare(correctnessEpsilon)) return "the epsilons must lie between 0 and 1";
  if (!(isShare(parameters.errorRateLimit) && parameters.errorRateLimit <= 0.5))
    return "the limit of the error rate must lie between 0 and 1/2";
  if (!isCount(pulses, LIMITS.bb84Pulses)) return `there must be 1 to ${LIMITS.bb84Pulses} pulses`;
  if (!isCount(keyBits, LIMITS.bb84KeyBits)) return `a block has 1 to ${LIMITS.bb84KeyBits} bits of sifted key`;
  if (!isCount(parameters.leakLimitBits, LIMITS.bb84KeyBits)) return "the limit of the leak is out of bounds";
  if (correctnessEpsilon < verificationEpsilon(keyBits))
    return "the correctness epsilon must not be below what the verification hash of such a block fails with";
  return decoyProblem(intensities);
}

export function writeParameters(writer: FieldWriter, parameters: BlockParameters): FieldWriter {
  writer.u8(parameters.intensities.length);
  for (const { meanPhotons, probability } of parameters.intensities) writer.f64(meanPhotons).f64(probability);
  return writer
    .f64(parameters.keyBasisProbability)
    .u64(parameters.pulses)
    .u32(parameters.keyBits)
    .f64(parameters.securityEpsilon)
    .f64(parameters.correctnessEpsilon)
    .f64(parameters.errorRateLimit)
    .u32(parameters.leakLimitBits);
}

/** @returns null for what are no parameters */
export function readParameters(reader: FieldReader): BlockParameters | null {
  const count = reader.u8();
  if (count > LIMITS.bb84Intensities) return null;
  const intensities = Array.from({ length: count }, () => ({ meanPhotons: reader.f64(), probability: reader.f64() }));
  const parameters: BlockParameters = {
    intensities,
    keyBasisProbability: reader.f64(),
    pulses: reader.u64(),
    keyBits: reader.u32(),
    securityEpsilon: reader.f64(),
    correctnessEpsilon: reader.f64(),
    errorRateLimit: reader.f64(),
    leakLimitBits: reader.u32(),
  };
  return parametersProblem(parameters) === undefined ? parameters : null;
}

export const sameParameters = (a: BlockParameters, b: BlockParameters): boolean =>
  equalBytes(writeParameters(new FieldWriter(), a).finish(), writeParameters(new FieldWriter(), b).finish());
