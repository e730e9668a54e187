import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assessHealth } from "./health.ts";

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

  const files = ["211202_1159_CD6ADBF2.cor", "211202_1201_9961A847.cor"].map((name) => ({
    name,
    path: join(import.meta.dirname, "../../../shared/data", name),
  }));
  test.skipIf(!files.every((file) => existsSync(file.path)))(
    "finds the bias of key files from a real QKD device (third-party data, read in place)",
    () => {
      const expected = [
        { ones: 724_156, longestRunBits: 22, aptMaxCount: 614, entropy: 0.83389 },
        { ones: 722_843, longestRunBits: 22, aptMaxCount: 634, entropy: 0.82436 },
      ];
      files.forEach((file, i) => {
        const report = assessHealth(readFileSync(file.path));
        expect(report).toMatchObject({
          passed: false,
          ones: expected[i]?.ones,
          longestRunBits: expected[i]?.longestRunBits,
          aptMaxCount: expected[i]?.aptMaxCount,
        });
        expect(report.failures[0]?.test).toBe("ones-count");
        expect(report.minEntropyPerBit).toBeCloseTo(expected[i]?.entropy ?? 0, 4);
      });
    },
  );
});
