/**
 * Do the bounds hold? A simulator knows what a real link hides: how many detections came from empty pulses and from
 * single photons, and how many of those are wrong. Counts are drawn for each photon number, the bounds see their sums.
 */
import { expect, test } from "vitest";
import {
  assumedLeak,
  CORRECTNESS_EPSILON,
  PROTOCOLS,
  reference,
  referenceLink,
  SECURITY_EPSILON,
} from "../../../test/support/bb84-reference.ts";
import { poisson, wordsOf } from "../../../test/support/bb84-sampling.ts";
import { errorGain, gain, photonOutcomes } from "../../simulator/channel.ts";
import { expectedBlock } from "../../simulator/expectation.ts";
import type { RandomWords } from "../../simulator/random.ts";
import type { LinkSettings } from "../../simulator/settings.ts";
import { binaryEntropy } from "./binary-entropy.ts";
import { secretLengthOneDecoy } from "./one-decoy.ts";
import { secretLength } from "./secret-length.ts";

const NX = 1e6;
const RUNS = 200;
const PHOTONS_MAX = 12;

/** Right and wrong detections of one basis, by intensity and photon number. */
interface Basis {
  readonly right: number[][];
  readonly wrong: number[][];
}

/** @param pulses for which both ends chose this basis */
function drawBasis(link: LinkSettings, pulses: number, random: RandomWords): Basis {
  const draw = (share: (photons: number) => number) =>
    link.intensities.map(({ meanPhotons, probability }) => {
      let weight = pulses * probability * Math.exp(-meanPhotons);
      return Array.from({ length: PHOTONS_MAX + 1 }, (_, photons) => {
        if (photons > 0) weight *= meanPhotons / photons;
        return poisson(random, weight * share(photons));
      });
    });
  const outcomes = Array.from({ length: PHOTONS_MAX + 1 }, (_, photons) => photonOutcomes(link, photons));
  return {
    right: draw((photons) => gain(outcomes[photons]!) - errorGain(outcomes[photons]!)),
    wrong: draw((photons) => errorGain(outcomes[photons]!)),
  };
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const byIntensity = (table: readonly number[][]) => table.map(total);
const added = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + (b[i] ?? 0));
const ofPhotons = (table: readonly number[][], photons: number) => total(table.map((row) => row[photons] ?? 0));

const cases = PROTOCOLS.flatMap((protocol) => [0, 10, 20, 30].map((lossDb) => ({ protocol, lossDb })));

test.each(cases)("$protocol, $lossDb dB: no bound is violated in 200 blocks", ({ protocol, lossDb }) => {
  const link = referenceLink(protocol, lossDb);
  const { pulses } = expectedBlock(link, NX);
  const random = wordsOf(`honesty ${protocol} ${lossDb}`);
  const lengths: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const x = drawBasis(link, pulses * link.keyBasisProbability ** 2, random);
    const z = drawBasis(link, pulses * (1 - link.keyBasisProbability) ** 2, random);
    const [mX, mZ] = [byIntensity(x.wrong), byIntensity(z.wrong)];
    const counts = { nX: added(byIntensity(x.right), mX), mX, nZ: added(byIntensity(z.right), mZ), mZ };
    const leakedBits = assumedLeak(total(counts.nX), binaryEntropy(total(mX) / total(counts.nX)));
    const epsilons = { securityEpsilon: SECURITY_EPSILON, correctnessEpsilon: CORRECTNESS_EPSILON };
    const settings = { ...link, ...epsilons, leakedBits };
    const bounds = secretLength(counts, settings);
    const truth = (basis: Basis, photons: number) => ofPhotons(basis.right, photons) + ofPhotons(basis.wrong, photons);
    expect(bounds.vacuumX).toBeLessThanOrEqual(truth(x, 0));
    expect(bounds.vacuumZ).toBeLessThanOrEqual(truth(z, 0));
    expect(bounds.singleX).toBeLessThanOrEqual(truth(x, 1));
    expect(bounds.singleZ).toBeLessThanOrEqual(truth(z, 1));
    expect(bounds.singleErrorsZ).toBeGreaterThanOrEqual(ofPhotons(z.wrong, 1));
    // The channel treats both bases alike, so X's own errors are what a phase error test would have shown.
    expect(bounds.phaseErrorBound).toBeGreaterThanOrEqual(ofPhotons(x.wrong, 1) / truth(x, 1));
    if (protocol === "one_decoy") {
      const upper = secretLengthOneDecoy(counts, settings);
      expect(upper.vacuumUpperX).toBeGreaterThanOrEqual(truth(x, 0));
      expect(upper.vacuumUpperZ).toBeGreaterThanOrEqual(truth(z, 0));
    }
    lengths.push(bounds.secretBitsRaw);
  }
  const tabled = reference.fixed[protocol]
    .find(({ loss_dB }) => loss_dB === lossDb)
    ?.finite.find(({ nX }) => nX === NX);
  const mean = total(lengths) / RUNS;
  expect(Math.abs(mean - (tabled?.ell_raw ?? 0)) / NX).toBeLessThan(1e-3);
});
