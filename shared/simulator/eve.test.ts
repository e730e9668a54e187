import { describe, expect, test } from "vitest";
import {
  assumedLeak,
  channelAt,
  CORRECTNESS_EPSILON,
  referenceLink,
  SECURITY_EPSILON,
} from "../../test/support/bb84-reference.ts";
import { asymptoticLength } from "../postprocessing/bounds/asymptotic.ts";
import { binaryEntropy } from "../postprocessing/bounds/binary-entropy.ts";
import { secretLength } from "../postprocessing/bounds/secret-length.ts";
import { coherentOutcomes, errorRate, gain } from "./channel.ts";
import { interceptResend, noAttack, photonNumberSplitting, splittingDetection, type Attack } from "./eve.ts";
import { expectedBlock } from "./expectation.ts";

const link = referenceLink("two_decoy", 10);
const epsilons = { securityEpsilon: SECURITY_EPSILON, correctnessEpsilon: CORRECTNESS_EPSILON };

function lengthUnder(attack: Attack, nX: number, lossDb = 10) {
  const block = expectedBlock({ ...link, lossDb }, nX, attack);
  const leakedBits = assumedLeak(nX, binaryEntropy(block.keyErrorRate));
  return { block, length: secretLength(block, { ...link, ...epsilons, leakedBits }) };
}

describe("intercept and resend", () => {
  test.each([0, 0.3, 1])("on a share of %d: the gain stays, the error rate is E + f (1/4 - E/2)", (share) => {
    for (const { meanPhotons } of link.intensities) {
      const honest = coherentOutcomes(link, meanPhotons);
      const attacked = interceptResend(share)(link, meanPhotons, true);
      const e = errorRate(honest);
      expect(gain(attacked)).toBeCloseTo(gain(honest), 15);
      expect(errorRate(attacked)).toBeCloseTo(e + share * (1 / 4 - e / 2), 12);
      const differing = interceptResend(share)(link, meanPhotons, false);
      expect(errorRate(differing)).toBeCloseTo(1 / 2, 12);
      expect(gain(differing)).toBeCloseTo(gain(honest), 15);
    }
  });

  test.each([
    [0, 0.01019, 0.0244, 399_509, 1.183e-3],
    [0.02, 0.01509, 0.0337, 335_967, 1.034e-3],
    [0.05, 0.02244, 0.047, 250_948, 8.32e-4],
    [0.1, 0.03468, 0.0686, 126_919, 5.33e-4],
    [0.15, 0.04693, 0.0896, 17_883, 2.67e-4],
    [0.2, 0.05917, 0.1103, 0, 2.6e-5],
    [0.25, 0.07142, 0.1308, 0, 0],
    [0.3, 0.08366, 0.1511, 0, 0],
    [1, 0.2551, 0.4267, 0, 0],
  ])("on a share of %d: QBER %d, phase error %d, %d bits of a million", (share, qber, phase, bits, rate) => {
    const { block, length } = lengthUnder(interceptResend(share), 1e6);
    expect(block.keyErrorRate).toBeCloseTo(qber, 5);
    expect(length.phaseErrorBound).toBeCloseTo(phase, 4);
    expect(length.secretBits).toBe(bits);
    const leakedBits = assumedLeak(1e6, binaryEntropy(block.keyErrorRate));
    const limit = Math.max(0, asymptoticLength(block, { ...link, leakedBits }).secretBitsRaw) / block.pulses;
    expect(Math.abs(limit - rate)).toBeLessThanOrEqual(5e-7);
  });

  test.each([-0.1, 1.1, Number.NaN])("a share of %d is none", (share) =>
    expect(() => interceptResend(share)).toThrow(RangeError),
  );
});

describe("photon number splitting", () => {
  test.each([
    [10, 0.09495, 0.4013, 0.1778, 0.010099, 4_508_460],
    [20, 0.009398, 0.4013, 0.1776, 0.010978, 4_251_686],
    [30, 0.000939, 0.4118, 0.192, 0.019608, 3_042_422],
  ])("at %d dB: the signal looks the same, decoys tell", (lossDb, kappa, honestRatio, attackedRatio, qber, bits) => {
    const channel = channelAt(lossDb);
    const detection = splittingDetection(channel, 0.5);
    expect(detection).toBeDefined();
    expect(Math.abs(detection! / kappa - 1)).toBeLessThan(1e-3);
    const attack = photonNumberSplitting(detection!);
    const seen = (by: Attack, meanPhotons: number) => by(channel, meanPhotons, true);
    const ratio = (by: Attack) => gain(seen(by, 0.2)) / gain(seen(by, 0.5));
    expect(gain(seen(attack, 0.5))).toBeCloseTo(gain(seen(noAttack, 0.5)), 12);
    expect(errorRate(seen(attack, 0.5))).toBeCloseTo(qber, 5);
    expect([ratio(noAttack), ratio(attack)].map((each) => Number(each.toFixed(4)))).toEqual([
      honestRatio,
      attackedRatio,
    ]);
    expect(Math.abs(lengthUnder(noAttack, 1e7, lossDb).length.secretBits - bits)).toBeLessThanOrEqual(1);
    expect(lengthUnder(attack, 1e7, lossDb).length).toMatchObject({ singleX: 0, secretBits: 0 });
  });

  test("is not possible where more pulses are seen than have two photons", () =>
    expect(splittingDetection(channelAt(0), 0.5)).toBeUndefined());

  test("through a perfect channel every pulse of two photons is seen", () => {
    const { rightOnly } = photonNumberSplitting(1)(
      { ...channelAt(0), darkCountProbability: 0, misalignment: 0 },
      0.5,
      true,
    );
    expect(rightOnly).toBeCloseTo(1 - Math.exp(-0.5) * 1.5, 14);
  });
});
