import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binaryEntropy } from "./binary-entropy.ts";
import { decoyProblem, type Intensity } from "./intensity.ts";
import { secretLengthOneDecoy } from "./one-decoy.ts";
import { secretLength } from "./secret-length.ts";
import { secretLengthTwoDecoy } from "./two-decoy.ts";

const SEED = 5;
const parameters = { seed: SEED, numRuns: 500 };

const THREE: readonly Intensity[] = [
  { meanPhotons: 0.5, probability: 0.35 },
  { meanPhotons: 0.2, probability: 0.4 },
  { meanPhotons: 2e-4, probability: 0.25 },
];
const TWO: readonly Intensity[] = [
  { meanPhotons: 0.4, probability: 0.5 },
  { meanPhotons: 0.15, probability: 0.5 },
];
const settingsOf = (intensities: readonly Intensity[], leakedBits = 0) => ({
  intensities,
  securityEpsilon: 1e-10,
  correctnessEpsilon: 1e-15,
  leakedBits,
});

/** Any counts at all, in no way those of a channel: a peer may claim what it likes. */
const anyCounts = fc.constantFrom(TWO, THREE).chain((intensities) => {
  const counts = fc.array(fc.oneof(fc.nat(50), fc.nat(1e9)), {
    minLength: intensities.length,
    maxLength: intensities.length,
  });
  return fc.record({ intensities: fc.constant(intensities), nX: counts, mX: counts, nZ: counts, mZ: counts });
});

/** A block as in the reference at 10 dB: it has a key. */
const GOOD = {
  nX: [685_362, 314_343, 295],
  mX: [6921, 3220, 51],
  nZ: [125_883, 57_736, 54],
  mZ: [1271, 592, 9],
};
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("whatever is counted", () => {
  test("bounds stay within what was counted, and the key within the block", () => {
    fc.assert(
      fc.property(anyCounts, ({ intensities, ...counts }) => {
        const length = secretLength(counts, settingsOf(intensities));
        for (const value of Object.values(length)) expect(Number.isFinite(value)).toBe(true);
        expect(length.vacuumX + length.singleX).toBeLessThanOrEqual(sum(counts.nX));
        expect(length.vacuumZ + length.singleZ).toBeLessThanOrEqual(sum(counts.nZ));
        for (const bound of [length.vacuumX, length.singleX, length.vacuumZ, length.singleZ, length.singleErrorsZ])
          expect(bound).toBeGreaterThanOrEqual(0);
        expect(length.phaseErrorBound).toBeGreaterThan(0);
        expect(length.phaseErrorBound).toBeLessThanOrEqual(0.5);
        expect(length.secretBits).toBeLessThanOrEqual(sum(counts.nX));
        expect(length.secretBits).toBe(Math.max(0, Math.floor(length.secretBitsRaw)));
      }),
      parameters,
    );
  });

  test("more errors, more leak or a stricter secrecy never make a longer key", () => {
    const worse = fc.record({
      errors: fc.nat(5000),
      leak: fc.nat(1e6),
      stricter: fc.double({ min: 0.01, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(worse, ({ errors, leak, stricter }) => {
        const best = secretLengthTwoDecoy(GOOD, settingsOf(THREE)).secretBitsRaw;
        const bad = { ...GOOD, mZ: GOOD.mZ.map((count, k) => (k === 1 ? count + errors : count)) };
        const settings = { ...settingsOf(THREE, leak), securityEpsilon: 1e-10 * stricter };
        expect(secretLengthTwoDecoy(bad, settings).secretBitsRaw).toBeLessThanOrEqual(best);
      }),
      parameters,
    );
  });
});

const raw = (verificationTagBits: number) =>
  secretLengthTwoDecoy(GOOD, { ...settingsOf(THREE), verificationTagBits }).secretBitsRaw;
const refused = (intensities: readonly Intensity[], more: object = {}, counts: object = {}) =>
  expect(() => secretLength({ ...GOOD, ...counts }, { ...settingsOf(intensities), ...more })).toThrow(RangeError);

describe("what the formulas leave to care", () => {
  test("no error seen is no proof of none", () => {
    const clean = { ...GOOD, mX: [0, 0, 0], mZ: [0, 0, 0] };
    const { singleErrorRateZ, phaseErrorBound } = secretLengthTwoDecoy(clean, settingsOf(THREE));
    expect(singleErrorRateZ).toBe(0);
    expect(phaseErrorBound).toBeGreaterThan(1e-5);
  });

  test("nothing counted, no key", () => {
    const nothing = [0, 0, 0];
    const length = secretLength({ nX: nothing, mX: nothing, nZ: nothing, mZ: nothing }, settingsOf(THREE));
    expect(length).toMatchObject({ secretBits: 0, phaseErrorBound: 0.5, singleX: 0 });
    expect(length.secretBitsRaw).toBeCloseTo(-276.49851165322474, 9);
  });

  test("a tag in the clear is charged once: the larger of its bits and of what the correctness asks", () => {
    expect(raw(50)).toBe(raw(0));
    expect(raw(0) - raw(128)).toBeCloseTo(128 - Math.log2(2e15), 6);
  });

  test("settings and counts out of their domain are refused", () => {
    refused(THREE, { securityEpsilon: 0 });
    refused(THREE, { correctnessEpsilon: 1 });
    refused(THREE, { leakedBits: Number.NaN });
    refused(THREE, {}, { nX: [1, 2] });
    refused(THREE, {}, { nZ: [1, 2, -3] });
    refused(THREE, {}, { mZ: [1, 2, Number.POSITIVE_INFINITY] });
    refused([]);
    refused(THREE.toReversed());
    expect(() => secretLengthTwoDecoy(GOOD, settingsOf(TWO))).toThrow("three intensities");
    expect(() => secretLengthOneDecoy(GOOD, settingsOf(THREE))).toThrow("two intensities");
  });

  test("intensities that are no decoys are told", () => {
    const [signal, decoy, vacuum] = [THREE[0]!, THREE[1]!, THREE[2]!];
    expect(decoyProblem(THREE)).toBeUndefined();
    expect(decoyProblem(TWO)).toBeUndefined();
    expect(decoyProblem([signal])).toContain("two intensities");
    expect(decoyProblem([signal, vacuum, decoy])).toContain("weaker");
    expect(decoyProblem([signal, { ...decoy, meanPhotons: 0 }])).toContain("vacuum");
    // Both factors of the denominator are negative here, their product is not.
    expect(decoyProblem([{ ...signal, meanPhotons: 0.1 }, decoy, vacuum])).toContain("brighter");
    expect(decoyProblem([{ ...signal, probability: 0.5 }, decoy, vacuum])).toContain("sum to 1");
    expect(decoyProblem([{ ...signal, probability: 0 }, decoy, vacuum])).toContain("above 0");
    expect(decoyProblem([{ ...signal, meanPhotons: 21 }, decoy, vacuum])).toContain("between 0 and 20");
  });

  test("epsilons too small for a double leave nothing secret, and no length that is not a number", () => {
    const vacuum = THREE.map((each, k) => (k === 2 ? { ...each, meanPhotons: 0 } : each));
    for (const securityEpsilon of [1e-307, Number.MIN_VALUE])
      expect(secretLength(GOOD, { ...settingsOf(vacuum), securityEpsilon }).secretBits).toBe(0);
  });

  test("binary entropy", () => {
    expect([0, 0.5, 1].map(binaryEntropy)).toEqual([0, 1, 0]);
    expect(binaryEntropy(0.11)).toBeCloseTo(0.499_915_958_164_528, 12);
    expect(binaryEntropy(1e-12) / 1e-12).toBeCloseTo(Math.log2(1e12) + 1 / Math.LN2, 6);
  });
});
