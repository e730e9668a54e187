import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assessHealth } from "./health.ts";
import { biasedBlock, stickyBlock } from "./test-blocks.ts";
import { criticalBinomial, cutoffs, onesBounds } from "./tests.ts";

/** The same figures bit by bit, as slowly and plainly as can be. */
function naive(block: Uint8Array) {
  const bits = [...block].flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1));
  let longest = 0;
  let run = 0;
  bits.forEach((bit, i) => {
    run = i > 0 && bit === bits[i - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  });
  let apt = 0;
  for (let start = 0; start + 1024 <= bits.length; start += 1024) {
    apt = Math.max(apt, bits.slice(start, start + 1024).filter((bit) => bit === bits[start]).length);
  }
  return { ones: bits.filter(Boolean).length, longest, apt };
}

describe("assessHealth", () => {
  test("equals a bit-by-bit count on any block", () => {
    const skewed = fc.constantFrom(0x00, 0xff, 0x80, 0x01, 0x7f, 0xfe, 0x5a);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(255), skewed), { minLength: 1, maxLength: 600 }), (bytes) => {
        const block = Uint8Array.from(bytes);
        const report = assessHealth(block);
        const slow = naive(block);
        expect([report.ones, report.longestRunBits, report.aptMaxCount]).toEqual([slow.ones, slow.longest, slow.apt]);
        expect(report.minEntropyPerBit).toBeGreaterThanOrEqual(0);
        expect(report.minEntropyPerBit).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("passes random blocks of every length in use", () => {
    for (const bytes of [32, 1000, 8192, 65_536, 1_048_576]) {
      expect(assessHealth(randomBytes(bytes)).failures).toEqual([]);
    }
  });

  test("names the failing test, figure and bound", () => {
    expect(assessHealth(new Uint8Array(1024)).failures.map((f) => f.test)).toEqual([
      "ones-count",
      "repetition-count",
      "adaptive-proportion",
    ]);
    const stuck = randomBytes(65_536);
    stuck.fill(0xff, 100, 106); // 48 equal bits in an otherwise good block
    const [failure, ...others] = assessHealth(stuck).failures;
    expect(others).toEqual([]);
    expect(failure?.test).toBe("repetition-count");
    expect(failure?.value).toBeGreaterThanOrEqual(48);
    expect(failure?.bound).toBe(41);
  });
});

/** Third-party data, not part of this project: read where it lies, never copied into it. */
const files = ["211202_1159_CD6ADBF2.cor", "211202_1201_9961A847.cor"].map((name) =>
  join(import.meta.dirname, "../../../shared/data", name),
);
const present = files.every((path) => existsSync(path));
// oxlint-disable-next-line no-console -- a reader of the run should know
if (!present) console.log("the two key files of a QKD device are not here: their tests are skipped");

describe.skipIf(!present)("two key files of a QKD device", () => {
  test.each([
    { path: files[0]!, ones: 724_156, longestRunBits: 22, aptMaxCount: 614, entropy: 0.83389 },
    { path: files[1]!, ones: 722_843, longestRunBits: 22, aptMaxCount: 634, entropy: 0.82436 },
  ])("are biased: $path", ({ path, entropy, ...counts }) => {
    const report = assessHealth(readFileSync(path));
    expect(report).toMatchObject({ passed: false, ...counts });
    expect(report.failures[0]?.test).toBe("ones-count");
    expect(report.minEntropyPerBit).toBeCloseTo(entropy, 4);
  });

  const BLOCK_BYTES = 64 * 1024;
  const blocks = (path: string) => {
    const bytes = readFileSync(path);
    const count = Math.ceil(bytes.length / BLOCK_BYTES);
    return [bytes, ...Array.from({ length: count }, (_, i) => bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES))];
  };

  test.each(files)("pass at a design of 0.8, whole and in blocks, and fail at 0.9: %s", (path) => {
    for (const block of blocks(path)) {
      expect(assessHealth(block, 0.8)).toMatchObject({ passed: true, failures: [] });
      const failed = assessHealth(block, 0.9).failures.map((failure) => failure.test);
      // The last block has 8 KiB, too few to judge by the estimate.
      expect(failed).toEqual(block.length < BLOCK_BYTES ? ["ones-count"] : ["ones-count", "min-entropy"]);
    }
  });
});

const cutoff = (window: number) => (entropy: number) => 1 + criticalBinomial(window, 2 ** -entropy, -20);

describe("bounds", () => {
  /** bits of min-entropy a bit; cutoffs at 2^-20, 2^-30, 2^-40. */
  test.each([
    { design: 1, repetition: [21, 31, 41], adaptive: [589, 609, 625] },
    { design: 0.9, repetition: [24, 35, 46], adaptive: [625, 645, 661] },
    { design: 0.8, repetition: [26, 39, 51], adaptive: [664, 683, 699] },
  ])("cutoffs at $design", ({ design, repetition, adaptive }) => {
    const found = [-20, -30, -40].map((alphaLog2) => cutoffs(design, alphaLog2));
    expect(found.map((each) => each.repetitionBits)).toEqual(repetition);
    expect(found.map((each) => each.adaptive)).toEqual(adaptive);
  });

  test("critical binomials of SP 800-90B's two windows, at 2^-20", () => {
    expect([0.2, 0.4, 0.6, 0.8, 1].map(cutoff(1024))).toEqual([941, 840, 748, 664, 589]);
    expect([0.5, 1, 2, 4, 8].map(cutoff(512))).toEqual([410, 311, 177, 62, 13]);
  });

  test("critical binomials agree with whole numbers", () => {
    const trials = fc.integer({ min: 1, max: 120 });
    fc.assert(
      fc.property(trials, fc.integer({ min: 1, max: 15 }), fc.integer({ min: 1, max: 40 }), (n, sixteenths, log2) => {
        expect(criticalBinomial(n, sixteenths / 16, -log2)).toBe(exactCriticalBinomial(n, sixteenths, log2));
      }),
    );
  });

  test("the ones count of full entropy strays 5.2 standard deviations, either way", () => {
    expect(onesBounds(1_638_400, 1)).toEqual({ low: 815_872, high: 822_528 });
    fc.assert(
      fc.property(fc.nat(8_388_608), (bits) => {
        const { low, high } = onesBounds(bits, 1);
        expect([low, high]).toEqual([
          Math.ceil(bits / 2 - (5.2 * Math.sqrt(bits)) / 2),
          Math.floor(bits / 2 + (5.2 * Math.sqrt(bits)) / 2),
        ]);
      }),
    );
  });
});

/** P[X > c] <= 2^-log2 with P[X = k] = C(n, k) s^k (16 - s)^(n - k) / 16^n, all in whole numbers. */
function exactCriticalBinomial(n: number, sixteenths: number, log2: number): number {
  const limit = 16n ** BigInt(n);
  let tail = 0n;
  let choose = 1n;
  let c = n;
  for (; c > 0; c--) {
    tail += choose * BigInt(sixteenths) ** BigInt(c) * BigInt(16 - sixteenths) ** BigInt(n - c);
    if (tail << BigInt(log2) > limit) return c;
    choose = (choose * BigInt(c)) / BigInt(n - c + 1);
  }
  return c;
}

const failed = (block: Uint8Array, design: number): string[] =>
  assessHealth(block, design).failures.map(({ test: name }) => name);

/** Good bits but for `bytes` bytes of ones, with zeros before and after them. */
const withRun = (bytes: number): Uint8Array =>
  Uint8Array.from(randomBytes(65_536))
    .fill(0x00, 100, 102 + bytes)
    .fill(0xff, 101, 101 + bytes);

describe("a design below full entropy", () => {
  const biased = biasedBlock("biased", 204_800);
  const sticky = stickyBlock("sticky", 65_536);

  test("is what a biased source is held to", () => {
    expect(failed(biased, 0.8)).toEqual([]);
    expect(failed(biased, 0.9)).toEqual(["ones-count", "min-entropy"]);
    expect(
      failed(
        biased.map((byte) => ~byte),
        0.8,
      ),
    ).toEqual([]); // too many ones is as good as too many zeros
    expect(
      failed(
        biased.map((byte) => ~byte),
        0.9,
      ),
    ).toEqual(["ones-count", "min-entropy"]);
  });

  test("is compared with the estimate, which sees what counts do not", () => {
    const report = assessHealth(sticky, 0.8);
    expect(report.failures).toEqual([{ test: "min-entropy", value: report.minEntropyPerBit, bound: 0.8 }]);
    expect(report.minEntropyPerBit).toBeLessThan(0.75);
    expect(failed(sticky, 0.7)).toEqual([]);
  });

  test("is not compared with the estimate on blocks too short for one", () => {
    expect(failed(sticky.subarray(0, 65_535), 0.8)).toEqual([]);
    for (let bytes = 32; bytes < 65_536; bytes *= 2) expect(failed(randomBytes(bytes), 0.8)).toEqual([]);
  });

  test("moves the cutoffs", () => {
    expect(failed(withRun(6), 1)).toEqual(["repetition-count"]);
    expect(failed(withRun(6), 0.8)).toEqual([]);
    expect(assessHealth(withRun(7), 0.8).failures).toEqual([{ test: "repetition-count", value: 56, bound: 51 }]);
    const crowded = Uint8Array.from(randomBytes(65_536)).fill(0xf7, 1024, 1152); // a window with 7 ones in 8 bits
    expect(assessHealth(crowded, 0.8).failures).toEqual([{ test: "adaptive-proportion", value: 896, bound: 699 }]);
  });

  test.each([0, -0.1, 1.01, Number.NaN])("of %d is refused", (design) => {
    expect(() => assessHealth(biased, design)).toThrow(RangeError);
  });
});
