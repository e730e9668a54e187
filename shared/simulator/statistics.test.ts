/**
 * Samples against theory. Seeds are fixed, so a failure is a fault of the code; the limits are those that a correct
 * sampler meets with any seed, but for one in ten thousand.
 */
import { describe, expect, test } from "vitest";
import {
  assumedLeak,
  CORRECTNESS_EPSILON,
  PROTOCOLS,
  reference,
  referenceLink,
  SECURITY_EPSILON,
} from "../../test/support/bb84-reference.ts";
import { tallyBlock, wordsOf } from "../../test/support/bb84-sampling.ts";
import { binaryEntropy } from "../postprocessing/bounds/binary-entropy.ts";
import { secretLength } from "../postprocessing/bounds/secret-length.ts";
import { interceptResend, noAttack } from "./eve.ts";
import { expectedBlock } from "./expectation.ts";
import { detectionClasses, detectionProbability } from "./outcomes.ts";
import { LinkSampler } from "./sampler.ts";

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const SIGMAS = 4;

const losses = PROTOCOLS.flatMap((protocol) => [0, 10, 20, 30].map((lossDb) => ({ protocol, lossDb })));

test.each(losses)("$protocol, $lossDb dB: counts, pulses and key length are as expected", ({ protocol, lossDb }) => {
  const nX = 1e6;
  const link = referenceLink(protocol, lossDb);
  const random = wordsOf(`counts ${protocol} ${lossDb}`);
  const tally = tallyBlock(link, random, { keyBasisDetections: nX });
  const expected = expectedBlock(link, nX);
  expect(total(tally.nX)).toBe(nX);
  // A count's deviation is at most a Poisson count's. The pulses needed vary as the sum of nX waiting times.
  for (const name of ["nX", "mX", "nZ", "mZ"] as const)
    for (const [k, mean] of expected[name].entries())
      expect(Math.abs(tally[name][k]! - mean), `${name} ${k}`).toBeLessThan(SIGMAS * Math.sqrt(mean) + 1);
  expect(Math.abs(tally.pulses / expected.pulses - 1)).toBeLessThan(SIGMAS / Math.sqrt(nX));

  const leakedBits = assumedLeak(nX, binaryEntropy(total(tally.mX) / nX));
  const epsilons = { securityEpsilon: SECURITY_EPSILON, correctnessEpsilon: CORRECTNESS_EPSILON };
  const { secretBits } = secretLength(tally, { ...link, ...epsilons, leakedBits });
  const tabled = reference.fixed[protocol]
    .find(({ loss_dB }) => loss_dB === lossDb)
    ?.finite.find((each) => each.nX === nX);
  // A run's length deviates by 3300 to 5100 bits.
  expect(Math.abs(secretBits - tabled!.ell)).toBeLessThan(SIGMAS * 5100);
});

describe("at 10 dB, in the time of ten million detections", () => {
  const link = referenceLink("two_decoy", 10);
  const attacks = [
    ["nobody listens", noAttack],
    ["Eve resends 30 %", interceptResend(0.3)],
    ["Eve resends all", interceptResend(1)],
  ] as const;

  test.each(attacks)("%s: every class comes as often as it should", (name, attack) => {
    const classes = detectionClasses(link, attack);
    const all = detectionProbability(classes);
    const pulses = Math.round(1e7 / all);
    const tally = tallyBlock(link, wordsOf(name), { keyBasisDetections: 1e9, pulses }, attack);
    const means = classes.map(({ probability }) => pulses * probability);
    expect(Math.abs(tally.detections - pulses * all)).toBeLessThan(SIGMAS * Math.sqrt(pulses * all));

    // Pearson's statistic wants five expected at least: all but double clicks of the nearly empty pulses have them.
    const usable = means.flatMap((mean, i) => (mean >= 5 ? [i] : []));
    expect(usable).toHaveLength(32);
    const share = tally.detections / (pulses * all);
    const chiSquare = total(usable.map((i) => (tally.classes[i]! - means[i]! * share) ** 2 / (means[i]! * share)));
    // 31 degrees of freedom.
    expect(chiSquare).toBeLessThan(70);
    expect(chiSquare).toBeGreaterThan(8);
    for (const [i, mean] of means.entries()) if (mean < 5) expect(tally.classes[i]).toBeLessThan(20);
  });
});

test("bits are a coin's, whatever else is known of the pulse or was of the one before", () => {
  const batchDetections = 2 ** 19;
  const sampler = new LinkSampler(referenceLink("two_decoy", 0));
  const [batch] = sampler.block(wordsOf("coins"), { keyBasisDetections: 1e9, batchDetections });
  const { pulseIndexes, alice, bob } = batch!;
  const known: Record<string, (i: number) => number> = {
    nothing: () => 0,
    "Alice's basis": (i) => alice.bases[i]!,
    "Bob's basis": (i) => bob.bases[i]!,
    intensity: (i) => alice.intensities[i]! & 1,
    pulse: (i) => pulseIndexes[i]! % 2,
    "double click": (i) => bob.doubleClicks[i]!,
    "the bit before": (i) => alice.bits[i - 1] ?? 0,
    "the bit two before": (i) => alice.bits[i - 2] ?? 0,
  };
  for (const bits of [alice.bits, bob.bits])
    for (const [name, fact] of Object.entries(known)) {
      const ones = total(Array.from(bits, (bit, i) => bit ^ fact(i)));
      expect(Math.abs(ones - bits.length / 2), name).toBeLessThan((SIGMAS * Math.sqrt(bits.length)) / 2);
    }
  const doubles = [...bob.doubleClicks.keys()].filter((i) => bob.doubleClicks[i] === 1);
  const wrong = doubles.filter((i) => alice.bits[i] !== bob.bits[i]);
  expect(Math.abs(wrong.length - doubles.length / 2)).toBeLessThan((SIGMAS * Math.sqrt(doubles.length)) / 2);
});

test.each([0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1])("Eve on a share of %d: the error rate is hers", (share) => {
  const link = referenceLink("two_decoy", 10);
  const nX = 4e5;
  const tally = tallyBlock(link, wordsOf(`eve ${share}`), { keyBasisDetections: nX }, interceptResend(share));
  const honest = expectedBlock(link, nX).keyErrorRate;
  const expected = honest + share * (1 / 4 - honest / 2);
  const [keyErrors, testErrors, nZ] = [total(tally.mX), total(tally.mZ), total(tally.nZ)];
  const deviation = (count: number) => Math.sqrt((expected * (1 - expected)) / count);
  expect(Math.abs(keyErrors / nX - expected)).toBeLessThan(3 * deviation(nX));
  expect(Math.abs(testErrors / nZ - expected)).toBeLessThan(3 * deviation(nZ));
});
