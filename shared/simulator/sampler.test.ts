import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { referenceLink } from "../../test/support/bb84-reference.ts";
import { wordsOf } from "../../test/support/bb84-sampling.ts";
import { KEY_BASIS } from "../postprocessing/bases.ts";
import { AliasTable } from "./alias-table.ts";
import { detectionClasses, detectionProbability } from "./outcomes.ts";
import { RandomWords, SEED_BYTES, seededWords } from "./random.ts";
import { LinkSampler, type BlockEnd, type DetectionBatch } from "./sampler.ts";

const link = referenceLink("two_decoy", 10);
const sampler = new LinkSampler(link);
const parameters = { seed: 5, numRuns: 100 };

const batchesOf = (label: string, end: BlockEnd, by = sampler) => [...by.block(wordsOf(label), end)];

/** All batches as one list of detections. */
const detectionsOf = (batches: readonly DetectionBatch[]) =>
  batches.flatMap(({ pulseIndexes, alice, bob }) =>
    Array.from(pulseIndexes, (pulse, i) => ({
      pulse,
      alice: [alice.bits[i], alice.bases[i], alice.intensities[i]],
      bob: [bob.bits[i], bob.bases[i]],
    })),
  );

describe("a seed", () => {
  test("gives the keystream of RFC 8439, appendix A.1", () => {
    const words = new Uint32Array(4);
    seededWords(new Uint8Array(SEED_BYTES))(words);
    expect([...words]).toEqual([0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653]);
  });

  test("gives the same block again, and other words give another", () => {
    const end = { keyBasisDetections: 1000 };
    const block = detectionsOf(batchesOf("one", end));
    expect(detectionsOf(batchesOf("one", end))).toEqual(block);
    expect(detectionsOf(batchesOf("two", end))).not.toEqual(block);
  });

  test("never gives the same words twice", () => {
    const random = wordsOf("no repetition");
    const words = Array.from({ length: 40_000 }, () => random.next32());
    // Of 40,000 words of 32 bits, 0.2 pairs are equal by chance; a repeated buffer would give thousands.
    expect(new Set(words).size).toBeGreaterThan(39_990);
  });

  test("has 32 bytes", () => expect(() => seededWords(new Uint8Array(16))).toThrow(RangeError));

  test("is not needed: a platform's generator will do", () => {
    const random = new RandomWords((words) => crypto.getRandomValues(words));
    const [batch] = sampler.block(random, { keyBasisDetections: 100 });
    expect(batch!.detections).toBeGreaterThanOrEqual(100);
  });
});

describe("a block", () => {
  test("is the same in batches of any size, and ends with the key basis detection asked for", () => {
    const size = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(size, fc.integer({ min: 0, max: 1000 }), (batchDetections, keyBasisDetections) => {
        const batches = batchesOf("cut", { keyBasisDetections, batchDetections });
        const all = detectionsOf(batches);
        expect(all).toEqual(detectionsOf(batchesOf("cut", { keyBasisDetections })));
        const sifted = all.filter(({ alice, bob }) => alice[1] === KEY_BASIS && bob[1] === KEY_BASIS);
        expect(sifted).toHaveLength(keyBasisDetections);
        expect(all.at(-1)).toEqual(sifted.at(-1));
        expect(batches.at(-1)?.pulsesSent).toBe(sifted.length === 0 ? undefined : sifted.at(-1)!.pulse + 1);
        // Batches of one detection are thousands: what each should be is asked of all at once.
        const lengths = batches.map(({ detections, pulseIndexes, alice, bob }) =>
          [pulseIndexes, alice.bits, alice.bases, alice.intensities, bob.bits, bob.bases].every(
            ({ length }) => length === detections && length <= batchDetections,
          ),
        );
        expect(lengths).not.toContain(false);
      }),
      parameters,
    );
  });

  test("ends with its pulses", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (pulses) => {
        const batches = batchesOf("pulses", { keyBasisDetections: 1e9, pulses, batchDetections: 100 });
        const indexes = detectionsOf(batches).map(({ pulse }) => pulse);
        expect(batches.at(-1)?.pulsesSent).toBe(pulses);
        expect(indexes.filter((index, i) => !(index > (indexes[i - 1] ?? -1)))).toEqual([]);
        expect(indexes.at(-1) ?? -1).toBeLessThan(pulses);
      }),
      parameters,
    );
  });

  test("of detectors that see every pulse misses none", () => {
    const bright = {
      ...link,
      lossDb: 0,
      darkCountProbability: 0.5,
      intensities: [{ meanPhotons: 20, probability: 1 }],
    };
    const all = new LinkSampler({ ...bright, detectorEfficiency: 1 });
    const indexes = detectionsOf(batchesOf("all", { keyBasisDetections: 1e9, pulses: 1000 }, all));
    expect(indexes.map(({ pulse }) => pulse)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test("with dead time has gaps no shorter, at the rate P / (1 + P D)", () => {
    const dead = 300;
    const probability = detectionProbability(detectionClasses(link));
    const blind = new LinkSampler({ ...link, deadTimePulses: dead });
    const pulses = 2e7;
    const indexes = detectionsOf(batchesOf("dead", { keyBasisDetections: 1e9, pulses }, blind)).map(
      (each) => each.pulse,
    );
    expect(indexes.slice(1).filter((index, i) => !(index - indexes[i]! > dead))).toEqual([]);
    expect(indexes[0]).toBeLessThan(10 / probability);
    const expected = (pulses * probability) / (1 + probability * dead);
    // The variance of a renewal process: that of the gap, times detections over the squared mean gap.
    const deviation = Math.sqrt((expected * (1 - probability)) / probability ** 2) / (dead + 1 / probability);
    expect(Math.abs(indexes.length - expected)).toBeLessThan(4 * deviation);
  });

  test.each([0, 0.5, Number.NaN, 1e9])("in batches of %d is refused", (batchDetections) =>
    expect(() => batchesOf("none", { keyBasisDetections: 1, batchDetections })).toThrow(RangeError),
  );
});

test("links that cannot be sampled are refused", () => {
  expect(() => new LinkSampler({ ...link, lossDb: -1 })).toThrow("lossDb");
  expect(() => new LinkSampler({ ...link, detectorEfficiency: 0, darkCountProbability: 0 })).toThrow(RangeError);
});

describe("an alias table", () => {
  test("gives each value its share, and nothing to a weight of 0", () => {
    const weights = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-12, max: 1, noNaN: true })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        weights.filter((list) => list.some((weight) => weight > 0)),
        (list) => {
          const table = new AliasTable(list);
          const steps = 2000 * list.length;
          const counts = list.map(() => 0);
          for (let step = 0; step < steps; step++) counts[table.pick(step / steps)]! += 1;
          const total = list.reduce((sum, weight) => sum + weight, 0);
          for (const [value, weight] of list.entries()) {
            if (weight === 0) expect(counts[value]).toBe(0);
            // A value has parts of up to every column, each counted to within one step.
            else expect(Math.abs(counts[value]! - (steps * weight) / total)).toBeLessThanOrEqual(list.length + 1);
          }
        },
      ),
      parameters,
    );
  });

  test.each([[[]], [[0, 0]], [[1, -1]], [[1, Number.NaN]], [[1, Number.POSITIVE_INFINITY]]])(
    "of %j is refused",
    (list) => expect(() => new AliasTable(list)).toThrow(RangeError),
  );
});
