/**
 * Health tests of a block of key material on its way into a pool: does it look like bits of full entropy, or of as
 * much as its source is designed for? They notice a biased or stuck source; nothing can show that material is secret.
 */
import { FALLS, LEADING_RUN, LONGEST_RUN, ONES, RISES, TRAILING_RUN } from "./bit-tables.ts";
import { requireMinEntropy } from "./design.ts";
import { type BitStatistics, markovEntropy, mostCommonValueEntropy } from "./entropy.ts";
import { ADAPTIVE_WINDOW_BITS, cutoffsAt, ESTIMATE_JUDGED_BYTES, onesBounds } from "./tests.ts";

/** What the tests found in one block; figures only, never key bytes. */
export interface HealthReport {
  readonly bits: number;
  readonly passed: boolean;
  /** Failed tests with the figure found and the bound it passed. */
  readonly failures: readonly HealthFailure[];
  readonly ones: number;
  readonly longestRunBits: number;
  /** Largest count of a window's first bit among its 1024 bits; 0 for blocks shorter than a window. */
  readonly aptMaxCount: number;
  readonly minEntropyPerBit: number;
}

/** Of bits that were tested where they came from, and are not again: no figure is known. */
export const untested = (bits: number): HealthReport => ({
  bits,
  passed: true,
  failures: [],
  ones: 0,
  longestRunBits: 0,
  aptMaxCount: 0,
  minEntropyPerBit: 0,
});

export interface HealthFailure {
  readonly test: "ones-count" | "repetition-count" | "adaptive-proportion" | "min-entropy";
  readonly value: number;
  readonly bound: number;
}

/**
 * Runs all health tests on a block. Below a design of 1 a block of `ESTIMATE_JUDGED_BYTES` or more also fails when its
 * min-entropy estimate is below the design; bits of full entropy are estimated below 1 as well, so at 1 it only informs.
 * @param block at least one byte; bits are taken most significant first
 * @param designMinEntropyPerBit what the source is trusted to give, set before seeing its blocks: one that fails here
 *   must not be used, and not be conditioned to a lower figure either
 * @throws RangeError for a design outside (0, 1]
 */
export function assessHealth(block: Uint8Array, designMinEntropyPerBit = 1): HealthReport {
  requireMinEntropy(designMinEntropyPerBit);
  const bits = block.length * 8;
  const { statistics, longestRunBits } = scan(block);
  const aptMaxCount = adaptiveProportion(block);
  const minEntropyPerBit = Math.min(
    mostCommonValueEntropy(Math.max(statistics.ones, bits - statistics.ones), bits),
    mostCommonValueEntropy(mostCommonByteCount(block), block.length) / 8,
    markovEntropy(statistics),
  );
  const figures = { bits, ones: statistics.ones, longestRunBits, aptMaxCount, minEntropyPerBit };
  const failures = judge(figures, designMinEntropyPerBit);
  return { passed: failures.length === 0, failures, ...figures };
}

function judge(found: Omit<HealthReport, "passed" | "failures">, design: number): HealthFailure[] {
  const { bits, ones, longestRunBits, aptMaxCount, minEntropyPerBit } = found;
  const { low, high } = onesBounds(bits, design);
  const { repetitionBits, adaptive } = cutoffsAt(design);
  const failures: HealthFailure[] = [];
  if (ones < low) failures.push({ test: "ones-count", value: ones, bound: low });
  if (ones > high) failures.push({ test: "ones-count", value: ones, bound: high });
  if (longestRunBits >= repetitionBits) {
    failures.push({ test: "repetition-count", value: longestRunBits, bound: repetitionBits });
  }
  if (aptMaxCount >= adaptive) failures.push({ test: "adaptive-proportion", value: aptMaxCount, bound: adaptive });
  if (design < 1 && bits >= ESTIMATE_JUDGED_BYTES * 8 && minEntropyPerBit < design) {
    failures.push({ test: "min-entropy", value: minEntropyPerBit, bound: design });
  }
  return failures;
}

const at = (table: Uint8Array, index: number): number => table[index] ?? 0;

/** One pass over the bytes: ones, transitions and the longest run of equal bits. */
function scan(block: Uint8Array): { statistics: BitStatistics; longestRunBits: number } {
  const bits = block.length * 8;
  let ones = 0;
  let rises = 0;
  let falls = 0;
  let longestRunBits = 0;
  let run = 0; // of the bits up to here, all equal to `last`
  let last = -1;
  for (const byte of block) {
    ones += at(ONES, byte);
    rises += at(RISES, byte);
    falls += at(FALLS, byte);
    const first = byte >> 7;
    if (last === 0 && first === 1) rises++;
    if (last === 1 && first === 0) falls++;
    const leading = at(LEADING_RUN, byte);
    const joined = (first === last ? run : 0) + leading;
    longestRunBits = Math.max(longestRunBits, joined, at(LONGEST_RUN, byte));
    run = leading === 8 ? joined : at(TRAILING_RUN, byte);
    last = byte & 1;
  }
  const firstBit = at(block, 0) >> 7;
  // Every one but the block's first bit follows a 0 (a rise) or a 1 (a repeat); zeros likewise.
  const repeatedOnes = ones - firstBit - rises;
  const repeatedZeros = bits - ones - (1 - firstBit) - falls;
  return { statistics: { bits, ones, rises, falls, repeatedOnes, repeatedZeros }, longestRunBits };
}

/** SP 800-90B 4.4.2: in each window, how often its first bit occurs; the largest such count. */
function adaptiveProportion(block: Uint8Array): number {
  const windowBytes = ADAPTIVE_WINDOW_BITS / 8;
  let max = 0;
  for (let start = 0; start + windowBytes <= block.length; start += windowBytes) {
    let ones = 0;
    for (let i = start; i < start + windowBytes; i++) ones += at(ONES, at(block, i));
    max = Math.max(max, at(block, start) >> 7 === 1 ? ones : ADAPTIVE_WINDOW_BITS - ones);
  }
  return max;
}

function mostCommonByteCount(block: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const byte of block) counts[byte] = (counts[byte] ?? 0) + 1;
  return counts.reduce((max, count) => Math.max(max, count), 0);
}
