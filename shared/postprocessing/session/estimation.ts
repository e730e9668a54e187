/** Judgements on counts, made alike at both ends: neither takes the other's word for what it can work out. */
import { secretLength } from "../bounds/secret-length.ts";
import { type CorrectedCounts, type SecretLength, sum } from "../bounds/photon-statistics.ts";
import { BLOCK_KEY_BYTES } from "../authentication/wegman-carter.ts";
import { LIMITS } from "../../limits.ts";
import { VERIFICATION_LEAK_BITS } from "../verification.ts";
import type { BlockParameters } from "./parameters.ts";
import { TOKENS_BYTES } from "./settlement.ts";

/** Errors can be no more than the detections they are among. */
export const areErrorsOf = (errors: readonly number[], counts: readonly number[]): boolean =>
  errors.every((error, i) => error <= (counts[i] ?? 0));

/** A basis nobody measured in tells nothing, which is no reason to go on. */
export const isAboveLimit = (
  errors: readonly number[],
  counts: readonly number[],
  { errorRateLimit }: BlockParameters,
): boolean => sum(counts) === 0 || sum(errors) / sum(counts) > errorRateLimit;

/**
 * The length that the bounds allow, from counts and from what error correction and verification disclosed.
 * @param leakBits of error correction
 */
export const lengthOf = (counts: CorrectedCounts, leakBits: number, parameters: BlockParameters): SecretLength =>
  secretLength(counts, {
    intensities: parameters.intensities,
    securityEpsilon: parameters.securityEpsilon,
    correctnessEpsilon: parameters.correctnessEpsilon,
    leakedBits: leakBits,
    verificationTagBits: VERIFICATION_LEAK_BITS,
  });

/** What a block gives up of its secret key, before anybody may have the rest. */
export const refreshBytes = (slots: number): number => TOKENS_BYTES + slots * BLOCK_KEY_BYTES;

/** The most slots a block can refill and still have a byte of key left; at most `wanted`, and 0 where it can none. */
export function affordableSlots(secretBits: number, wanted: number): number {
  const spareBytes = Math.floor(secretBits / 8) - TOKENS_BYTES - 1;
  return Math.max(0, Math.min(wanted, LIMITS.bb84RefillSlots, Math.floor(spareBytes / BLOCK_KEY_BYTES)));
}
