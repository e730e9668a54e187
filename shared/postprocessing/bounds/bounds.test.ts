import { describe, expect, test } from "vitest";
import {
  assumedLeak,
  CORRECTION_EFFICIENCY,
  CORRECTNESS_EPSILON,
  channelAt,
  linkWith,
  PROTOCOLS,
  reference,
  referenceLink,
  relativeError,
  SECURITY_EPSILON,
} from "../../../test/support/bb84-reference.ts";
import { coherentOutcomes, errorRate, gain, photonOutcomes } from "../../simulator/channel.ts";
import { expectedBlock } from "../../simulator/expectation.ts";
import type { LinkSettings } from "../../simulator/settings.ts";
import { asymptoticLength, bestMeanPhotons, gllpRate, twoDecoyBounds } from "./asymptotic.ts";
import { binaryEntropy } from "./binary-entropy.ts";
import { secretLengthOneDecoy } from "./one-decoy.ts";
import type { SecretLength } from "./photon-statistics.ts";
import { secretLength } from "./secret-length.ts";

const TOLERANCE = 1e-9;
const epsilons = { securityEpsilon: SECURITY_EPSILON, correctnessEpsilon: CORRECTNESS_EPSILON };

/** Of rows [name, actual, expected]; what the reference does not give is passed over. */
function expectClose(rows: readonly (readonly [string, number | undefined, number | undefined])[]): void {
  for (const [name, actual, expected] of rows)
    if (expected !== undefined) expect(relativeError(actual ?? Number.NaN, expected), name).toBeLessThan(TOLERANCE);
}

function expectedLength(link: LinkSettings, nX: number) {
  const block = expectedBlock(link, nX);
  const leakedBits = assumedLeak(nX, binaryEntropy(block.keyErrorRate));
  return { block, leakedBits, length: secretLength(block, { ...link, ...epsilons, leakedBits }) };
}

/**
 * At high loss the length is a small difference of large numbers, so it is held to a share of the larger ones: the
 * reference rounds gains as 1 - AB does, and lies up to 1.1e-9 from what forty digits give, at 35 dB.
 */
const expectSameLength = (length: SecretLength, raw: number) =>
  expect(Math.abs(length.secretBitsRaw - raw)).toBeLessThanOrEqual(TOLERANCE * (length.singleX + length.penaltyBits));

const fixed = PROTOCOLS.flatMap((protocol) =>
  reference.fixed[protocol].flatMap(({ loss_dB, finite }) =>
    finite.map((point) => ({ protocol, loss_dB, nX: point.nX, point })),
  ),
);
const optimised = PROTOCOLS.flatMap((protocol) =>
  reference.optimised[protocol].flatMap(({ loss_dB, points }) =>
    points.flatMap((point) => ("mus" in point ? [{ protocol, loss_dB, nX: point.nX, point }] : [])),
  ),
);

describe("reference points", () => {
  test("are all there, but the one for which no settings give a key", () =>
    expect([fixed.length, optimised.length]).toEqual([64, 63]));

  test.each(fixed)("$protocol, $loss_dB dB, nX $nX: bounds and length", ({ protocol, loss_dB, point }) => {
    const link = referenceLink(protocol, loss_dB);
    const counts = { nX: point.nX_k, mX: point.mX_k, nZ: point.nZ_k, mZ: point.mZ_k };
    const settings = { ...link, ...epsilons, leakedBits: point.lambdaEC };
    const length = secretLength(counts, settings);
    expectClose([
      ["penalty", length.penaltyBits, point.penalty],
      ["vacuumX", length.vacuumX, point.sX0],
      ["singleX", length.singleX, point.sX1],
      ["vacuumZ", length.vacuumZ, point.sZ0],
      ["singleZ", length.singleZ, point.sZ1],
      ["singleErrorsZ", length.singleErrorsZ, point.vZ1],
      ["b", length.singleErrorRateZ, point.sZ1 > 0 ? point.b : undefined],
      ["phase error", length.phaseErrorBound, point.phiX],
      ["length", length.secretBitsRaw, point.ell_raw],
      ["rate", Math.max(0, length.secretBitsRaw) / point.N, point.rate],
    ]);
    expect(length.secretBits).toBe(point.ell);
    if (protocol === "one_decoy") {
      const one = secretLengthOneDecoy(counts, settings);
      expectClose([
        ["upper vacuumX", one.vacuumUpperX, point.sX0_upper],
        ["upper vacuumZ", one.vacuumUpperZ, point.sZ0_upper],
      ]);
    }
  });

  test.each(fixed)("$protocol, $loss_dB dB, nX $nX: counts, and the length from them", (each) => {
    const { block, leakedBits, length } = expectedLength(referenceLink(each.protocol, each.loss_dB), each.nX);
    expectClose([
      ...(["nX", "mX", "nZ", "mZ"] as const).flatMap((name) =>
        block[name].map((count, k) => [`${name} ${k}`, count, each.point[`${name}_k`][k]] as const),
      ),
      ["pulses", block.pulses, each.point.N],
      ["leak", leakedBits, each.point.lambdaEC],
    ]);
    expectSameLength(length, each.point.ell_raw);
  });

  test.each(optimised)("$protocol, $loss_dB dB, nX $nX: optimised settings", ({ loss_dB, nX, point }) => {
    const { block, length } = expectedLength(linkWith(loss_dB, point), nX);
    expectClose([
      ["pulses", block.pulses, point.N],
      ["vacuumX", length.vacuumX, point.sX0],
      ["singleX", length.singleX, point.sX1],
      ["phase error", length.phaseErrorBound, point.phiX],
    ]);
    expectSameLength(length, point.ell_raw);
  });
});

const seen = (meanPhotons: number) => ({ meanPhotons, gain: 0.01, errorRate: 0.01 });

describe("rates without end", () => {
  const losses = PROTOCOLS.flatMap((protocol) => reference.fixed[protocol].map((each) => ({ protocol, ...each })));

  test.each(losses)("$protocol, $loss_dB dB: the formulas without their finite terms", (each) => {
    const link = referenceLink(each.protocol, each.loss_dB);
    const block = expectedBlock(link, 1);
    const leakedBits = assumedLeak(1, binaryEntropy(block.keyErrorRate));
    const length = asymptoticLength(block, { ...link, leakedBits });
    expectClose([
      ["QBER", block.keyErrorRate, each.asymptotic.QBER_X],
      ["vacuumX", length.vacuumX, each.asymptotic.sX0_frac],
      ["singleX", length.singleX, each.asymptotic.sX1_frac],
      ["phase error", length.phaseErrorBound, each.asymptotic.phiX],
      ["rate", length.secretBitsRaw / block.pulses, each.rate_asymptotic],
    ]);
  });

  test.each(reference.asymptotic_GLLP)("GLLP at $loss_dB dB", (each) => {
    const channel = channelAt(each.loss_dB);
    const observed = (meanPhotons: number) => {
      const outcomes = coherentOutcomes(channel, meanPhotons);
      return { meanPhotons, gain: gain(outcomes), errorRate: errorRate(outcomes) };
    };
    const one = photonOutcomes(channel, 1);
    const exact = { yield: gain(one), errorRate: errorRate(one) };
    const bounds = twoDecoyBounds(observed(0.5), observed(0.1), observed(0));
    const rate = (meanPhotons: number, single: typeof exact) =>
      gllpRate(observed(meanPhotons), single, each.q, CORRECTION_EFFICIENCY);
    expectClose([
      ["infinite decoys", rate(0.5, exact), each.R_inf_mu0p5],
      ["infinite decoys, best", rate(each.mu_opt, exact), each.R_inf_opt],
      ["vacuum and weak", rate(0.5, bounds), each.R_vacweak_mu0p5_nu0p1],
      ["yield", bounds.yield, each.vacweak_Y1_lower],
      ["error rate", bounds.errorRate, each.vacweak_e1_upper],
    ]);
  });

  test("the best intensity is that of Ma et al. for their link", () => {
    expect(bestMeanPhotons(0.033, 1.22)).toBeCloseTo(0.4789, 4);
    expect(bestMeanPhotons(0.033, 1)).toBeCloseTo(0.5441, 4);
  });

  test("decoys as bright as the signal tell nothing", () => {
    expect(() => twoDecoyBounds(seen(0.5), seen(0.3), seen(0.3))).toThrow(RangeError);
    expect(() => twoDecoyBounds(seen(0.1), seen(0.5), seen(0.4))).toThrow(RangeError);
    const bright = { meanPhotons: 0.5, gain: 0.9, errorRate: 0.01 };
    expect(twoDecoyBounds(bright, seen(0.1), seen(0))).toEqual({ yield: 0, errorRate: 0.5 });
  });
});
