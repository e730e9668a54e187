/** Every way a pulse can be detected, with its probability: what the sampler draws from and what theory expects. */
import { type Basis, KEY_BASIS, TEST_BASIS } from "../postprocessing/bases.ts";
import { noAttack, type Attack } from "./eve.ts";
import type { LinkSettings } from "./settings.ts";

export const OUTCOMES = ["rightOnly", "wrongOnly", "double"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface DetectionClass {
  /** Index into the settings' intensities. */
  readonly intensity: number;
  readonly aliceBasis: Basis;
  readonly bobBasis: Basis;
  readonly outcome: Outcome;
  /** Of a pulse, before anything is known of it. */
  readonly probability: number;
}

/** Intensity by bases by outcome: twelve classes for each intensity. */
export function detectionClasses(settings: LinkSettings, attack: Attack = noAttack): readonly DetectionClass[] {
  const bases: readonly (readonly [Basis, number])[] = [
    [KEY_BASIS, settings.keyBasisProbability],
    [TEST_BASIS, 1 - settings.keyBasisProbability],
  ];
  return settings.intensities.flatMap(({ meanPhotons, probability }, intensity) => {
    const agreeing = attack(settings, meanPhotons, true);
    const differing = attack(settings, meanPhotons, false);
    return bases.flatMap(([aliceBasis, alices]) =>
      bases.flatMap(([bobBasis, bobs]) => {
        const outcomes = aliceBasis === bobBasis ? agreeing : differing;
        return OUTCOMES.map((outcome) => ({
          intensity,
          aliceBasis,
          bobBasis,
          outcome,
          probability: probability * alices * bobs * outcomes[outcome],
        }));
      }),
    );
  });
}

/** The probability that a pulse is detected at all. */
export const detectionProbability = (classes: readonly DetectionClass[]): number =>
  classes.reduce((total, { probability }) => total + probability, 0);
