/**
 * BIKE, round 4 (specification 5.1), in the variant liboqs has computed without a change since its release 0.8: which
 * is what hybridization modules in the field answer to. Older releases are another mechanism, of other lengths.
 */
import type { KemName } from "../registry.ts";

export interface BikeParameters {
  /** r: a block's bits. Prime, and 2 is a primitive root of it: elements of odd weight are invertible. */
  readonly blockBits: number;
  /** d = w/2: ones in each half of the secret. Odd. */
  readonly halfWeight: number;
  /** t: ones in an error vector, which is two blocks long. */
  readonly errorWeight: number;
  /** The decoder's threshold is (offset + slope * weight of the syndrome) / 10^8, and at least `minimum`. */
  readonly threshold: { readonly offset: number; readonly slope: number; readonly minimum: number };
  /** Bits of the decoder's counters. */
  readonly counterBits: number;
}

export const BIKE = {
  "BIKE-L1": {
    blockBits: 12_323,
    halfWeight: 71,
    errorWeight: 134,
    threshold: { offset: 1_353_000_000, slope: 697_220, minimum: 36 },
    counterBits: 8,
  },
  "BIKE-L3": {
    blockBits: 24_659,
    halfWeight: 103,
    errorWeight: 199,
    threshold: { offset: 1_525_880_000, slope: 526_500, minimum: 52 },
    counterBits: 8,
  },
  "BIKE-L5": {
    blockBits: 40_973,
    halfWeight: 137,
    errorWeight: 264,
    threshold: { offset: 1_787_850_000, slope: 402_312, minimum: 69 },
    counterBits: 9,
  },
} as const satisfies Partial<Record<KemName, BikeParameters>>;

export type BikeName = keyof typeof BIKE;

/** Of a message, of the secret that answers what does not decode (sigma), of the shared secret. */
export const MESSAGE_BYTES = 32;
/** What key generation and encapsulation draw at once, as liboqs does; encapsulation uses the first half only. */
export const DRAWN_BYTES = 64;
