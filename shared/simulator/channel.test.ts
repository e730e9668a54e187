import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channelAt, reference, referenceLink, relativeError } from "../../test/support/bb84-reference.ts";
import { coherentOutcomes, errorGain, errorRate, gain, photonOutcomes, transmittance } from "./channel.ts";
import { interceptResend, noAttack, photonNumberSplitting } from "./eve.ts";
import { expectedBlock } from "./expectation.ts";
import { detectionClasses, detectionProbability } from "./outcomes.ts";
import { settingsProblem } from "./settings.ts";

const close = (actual: number, expected: number, within = 1e-9) =>
  expect(relativeError(actual, expected)).toBeLessThan(within);

test.each([
  [0.5, 9.952146349509361e-3, 0.01009806210317992, 9.950165e-7],
  [0.2, 3.994002670991148e-3, 0.010244890939706009, 1.620765e-7],
  [0.1, 1.999997335666359e-3, 0.010489514128067468, 4.155939e-8],
  [2e-4, 5.999983000104514e-6, 0.17333338778637175, 5.16e-12],
  [0, 1.999999000079633e-6, 0.5, 1e-12],
])("a pulse of %d photons on average at 10 dB", (meanPhotons, q, e, double) => {
  const outcomes = coherentOutcomes(channelAt(10), meanPhotons);
  close(gain(outcomes), q);
  close(errorRate(outcomes), e);
  close(outcomes.double, double, 1e-3);
});

describe.each(Object.values(reference.channel))("reference at $loss_dB dB", ({ loss_dB, ...point }) => {
  const channel = channelAt(loss_dB);

  test("yields", () => {
    const [none, one, two] = [0, 1, 2].map((photons) => photonOutcomes(channel, photons));
    close(transmittance(channel), point.eta);
    close(gain(none!), point.Y0);
    close(errorRate(none!), 0.5);
    close(gain(one!), point.Y1);
    close(errorRate(one!), point.e1);
    close(gain(two!), point.Y2);
    close(errorRate(two!), point.e2);
  });

  test.each(point.intensities)("gains at $mu photons", ({ mu, Q, E, EQ, P_double }) => {
    const outcomes = coherentOutcomes(channel, mu);
    close(gain(outcomes), Q);
    close(errorRate(outcomes), E);
    close(errorGain(outcomes), EQ);
    close(outcomes.double, P_double);
  });
});

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const channels = fc.record({
  lossDb: fc.double({ min: 0, max: 60, noNaN: true }),
  detectorEfficiency: fc.double({ min: 0.01, max: 1, noNaN: true }),
  darkCountProbability: fc.double({ min: 0, max: 0.1, noNaN: true }),
  misalignment: fc.double({ min: 0, max: 0.5, noNaN: true }),
});
const meanPhotons = fc.double({ min: 0, max: 2, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const parameters = { seed: 5, numRuns: 500 };

describe("on any channel", () => {
  test("a coherent pulse is the Poisson mixture of photon numbers", () => {
    fc.assert(
      fc.property(channels, meanPhotons, (channel, mean) => {
        let [weight, gains, errors] = [Math.exp(-mean), 0, 0];
        for (let photons = 0; photons < 60; photons++) {
          if (photons > 0) weight *= mean / photons;
          gains += weight * gain(photonOutcomes(channel, photons));
          errors += weight * errorGain(photonOutcomes(channel, photons));
        }
        const outcomes = coherentOutcomes(channel, mean);
        expect(Math.abs(gain(outcomes) - gains)).toBeLessThan(1e-12);
        expect(Math.abs(errorGain(outcomes) - errors)).toBeLessThan(1e-12);
      }),
      parameters,
    );
  });

  test("outcomes are probabilities, whoever listens", () => {
    const attacks = fc.oneof(fc.constant(noAttack), share.map(interceptResend), share.map(photonNumberSplitting));
    fc.assert(
      fc.property(channels, meanPhotons, attacks, fc.boolean(), (channel, mean, attack, agree) => {
        const outcomes = attack(channel, mean, agree);
        for (const probability of Object.values(outcomes)) expect(probability).toBeGreaterThanOrEqual(-1e-15);
        expect(gain(outcomes)).toBeLessThanOrEqual(1 + 1e-12);
        expect(errorRate(outcomes)).toBeLessThanOrEqual(0.5 + 1e-9);
        if (!agree) expect(errorGain(outcomes)).toBeCloseTo(gain(outcomes) / 2, 12);
      }),
      parameters,
    );
  });

  test("more loss, fewer detections and no fewer errors among them", () => {
    fc.assert(
      fc.property(channels, meanPhotons, fc.double({ min: 0, max: 20, noNaN: true }), (channel, mean, more) => {
        const here = coherentOutcomes(channel, mean);
        const farther = coherentOutcomes({ ...channel, lossDb: channel.lossDb + more }, mean);
        expect(gain(farther)).toBeLessThanOrEqual(gain(here) * (1 + 1e-12));
        // Light so bright that both detectors click makes errors too: only faint light is monotonic here.
        if (transmittance(channel) * mean < 0.01)
          expect(errorRate(farther)).toBeGreaterThanOrEqual(errorRate(here) - 0.01);
      }),
      parameters,
    );
  });

  test("classes sum to the gain over intensities", () => {
    fc.assert(
      fc.property(channels, share, (channel, keyBasisProbability) => {
        const link = { ...referenceLink("two_decoy", 0), ...channel, keyBasisProbability };
        const classes = detectionClasses(link);
        const gains = link.intensities.map((each) => each.probability * gain(coherentOutcomes(link, each.meanPhotons)));
        expect(classes).toHaveLength(36);
        expect(detectionProbability(classes)).toBeCloseTo(sum(gains), 12);
        // Where bases differ, the bit says nothing.
        const apart = classes.filter(({ aliceBasis, bobBasis }) => aliceBasis !== bobBasis);
        const shares = (outcome: string) => apart.map((each) => (each.outcome === outcome ? each.probability : 0));
        expect(apart).toHaveLength(18);
        expect(sum(shares("rightOnly"))).toBeCloseTo(sum(shares("wrongOnly")), 12);
      }),
      parameters,
    );
  });
});

test("a channel that detects nothing errs in nothing", () => {
  const dark = { ...channelAt(0), detectorEfficiency: 0, darkCountProbability: 0 };
  expect([gain(coherentOutcomes(dark, 0.5)), errorRate(coherentOutcomes(dark, 0.5))]).toEqual([0, 0]);
});

test("an expected block has the detections asked for", () => {
  const { nX, pulses } = expectedBlock(referenceLink("two_decoy", 10), 1e6);
  expect(nX.reduce((total, each) => total + each, 0)).toBeCloseTo(1e6, 6);
  expect(pulses).toBeCloseTo(401_549_560.419, 1);
});

test("settings out of their domain are told", () => {
  const link = referenceLink("two_decoy", 10);
  expect(settingsProblem(link)).toBeUndefined();
  expect(settingsProblem({ ...link, lossDb: -1 })).toContain("lossDb");
  expect(settingsProblem({ ...link, lossDb: Number.NaN })).toContain("lossDb");
  expect(settingsProblem({ ...link, detectorEfficiency: 1.1 })).toContain("detectorEfficiency");
  expect(settingsProblem({ ...link, darkCountProbability: 1 })).toContain("darkCountProbability");
  expect(settingsProblem({ ...link, misalignment: 0.6 })).toContain("misalignment");
  expect(settingsProblem({ ...link, keyBasisProbability: 2 })).toContain("keyBasisProbability");
  expect(settingsProblem({ ...link, deadTimePulses: 0.5 })).toContain("deadTimePulses");
  expect(settingsProblem({ ...link, intensities: [] })).toContain("intensities");
  expect(settingsProblem({ ...link, intensities: link.intensities.slice(1) })).toContain("sum to 1");
});
