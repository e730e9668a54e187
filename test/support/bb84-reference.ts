/** Reference numbers for BB84 with decoy states: gains, expected counts, finite key lengths, at eight losses. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LinkSettings } from "../../shared/simulator/settings.ts";

interface Counts {
  readonly nX: number;
  readonly N: number;
  readonly nX_k: readonly number[];
  readonly mX_k: readonly number[];
  readonly nZ_k: readonly number[];
  readonly mZ_k: readonly number[];
}

export interface FinitePoint extends Counts {
  readonly rate: number;
  readonly ell_raw: number;
  readonly ell: number;
  readonly sX0: number;
  readonly sX1: number;
  readonly sZ0?: number;
  readonly sZ1: number;
  readonly vZ1: number;
  readonly b: number;
  readonly phiX: number;
  readonly lambdaEC: number;
  readonly penalty: number;
  readonly sX0_upper?: number;
  readonly sZ0_upper?: number;
}

export interface OptimisedPoint {
  readonly nX: number;
  readonly rate: number;
  readonly pX: number;
  readonly ps: readonly number[];
  readonly mus: readonly number[];
  readonly N: number;
  readonly ell_raw: number;
  readonly sX0: number;
  readonly sX1: number;
  readonly phiX: number;
}

/** Where no settings give a key. */
interface NoKey {
  readonly nX: number;
  readonly rate: 0;
}

interface FixedLoss {
  readonly loss_dB: number;
  readonly rate_asymptotic: number;
  readonly asymptotic: {
    readonly sX0_frac: number;
    readonly sX1_frac: number;
    readonly phiX: number;
    readonly QBER_X: number;
  };
  readonly finite: readonly FinitePoint[];
}

interface OptimisedLoss {
  readonly loss_dB: number;
  readonly points: readonly (OptimisedPoint | NoKey)[];
}

export interface ChannelPoint {
  readonly loss_dB: number;
  readonly eta: number;
  readonly Y0: number;
  readonly Y1: number;
  readonly e1: number;
  readonly Y2: number;
  readonly e2: number;
  readonly intensities: readonly {
    readonly mu: number;
    readonly Q: number;
    readonly E: number;
    readonly EQ: number;
    readonly P_double: number;
  }[];
}

export interface GllpPoint {
  readonly loss_dB: number;
  readonly q: number;
  readonly R_inf_mu0p5: number;
  readonly R_inf_opt: number;
  readonly mu_opt: number;
  readonly R_vacweak_mu0p5_nu0p1: number;
  readonly vacweak_Y1_lower: number;
  readonly vacweak_e1_upper: number;
}

export const PROTOCOLS = ["two_decoy", "one_decoy"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

interface Reference {
  readonly parameters: Record<Protocol, { readonly mus: number[]; readonly ps: number[]; readonly pX: number }>;
  readonly channel: Record<string, ChannelPoint>;
  readonly fixed: Record<Protocol, readonly FixedLoss[]>;
  readonly optimised: Record<Protocol, readonly OptimisedLoss[]>;
  readonly asymptotic_GLLP: readonly GllpPoint[];
}

const file = join(import.meta.dirname, "../vectors/bb84-reference.json");
export const reference = JSON.parse(readFileSync(file, "utf8")) as Reference;

/** The set BB84-REF-A: what the reference numbers were computed for. */
export const SECURITY_EPSILON = 1e-10;
export const CORRECTNESS_EPSILON = 1e-15;
export const CORRECTION_EFFICIENCY = 1.16;
export const channelAt = (lossDb: number) => ({
  lossDb,
  detectorEfficiency: 0.2,
  darkCountProbability: 1e-6,
  misalignment: 0.01,
});

interface Choices {
  readonly mus: readonly number[];
  readonly ps: readonly number[];
  readonly pX: number;
}

export const linkWith = (lossDb: number, { mus, ps, pX }: Choices): LinkSettings => ({
  ...channelAt(lossDb),
  intensities: mus.map((meanPhotons, k) => ({ meanPhotons, probability: ps[k] ?? 0 })),
  keyBasisProbability: pX,
});

export const referenceLink = (protocol: Protocol, lossDb: number): LinkSettings =>
  linkWith(lossDb, reference.parameters[protocol]);

/** What error correction is assumed to disclose of `nX` bits. */
export const assumedLeak = (nX: number, entropy: number): number => CORRECTION_EFFICIENCY * nX * entropy;

/** The numbers' difference over the expected one; 0 where both are 0. */
export const relativeError = (actual: number, expected: number): number =>
  actual === expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
