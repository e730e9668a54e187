/** A failed health test in words: what was found, and what would have passed. Pure. */
import type { HealthFailure } from "../../shared/health/health.ts";
import { ADAPTIVE_WINDOW_BITS } from "../../shared/health/tests.ts";
import { formatCount } from "./text.ts";

/** @param bits of the whole block */
type Words = (value: number, bound: number, bits: number) => string;

const MAX_DIGITS = 4;

/** Bounds of the ones count lie as far above half the bits as below; the report holds the one that was passed. */
const onesInWords: Words = (ones, bound, bits) => {
  const [low, high] = [Math.min(bound, bits - bound), Math.max(bound, bits - bound)];
  let digits = 1;
  const percent = (count: number): string => ((100 * count) / bits).toFixed(digits);
  // As many as it takes to tell a narrow miss from a hit.
  while (digits < MAX_DIGITS && percent(ones) === percent(bound)) digits++;
  return `${percent(ones)} % ones of ${formatCount(bits)} bits (allowed ${percent(low)} to ${percent(high)} %)`;
};

/** To reach a cutoff is to fail. */
const belowCutoff = (bound: number): string => `(allowed at most ${formatCount(bound - 1)})`;

const WORDS: Readonly<Record<HealthFailure["test"], Words>> = {
  "ones-count": onesInWords,
  "repetition-count": (value, bound) => `a run of ${formatCount(value)} equal bits ${belowCutoff(bound)}`,
  "adaptive-proportion": (value, bound) =>
    `${formatCount(value)} equal bits in a window of ${formatCount(ADAPTIVE_WINDOW_BITS)} ${belowCutoff(bound)}`,
  "min-entropy": (value, bound) => `${value.toFixed(4)} bits of min-entropy estimated a bit (at least ${bound})`,
};

export const isHealthTest = (test: unknown): test is HealthFailure["test"] =>
  typeof test === "string" && Object.hasOwn(WORDS, test);

/** `44.1 % ones of 524,288 bits (allowed 49.6 to 50.4 %)`. */
export const failureInWords = ({ test, value, bound }: HealthFailure, bits: number): string =>
  WORDS[test](value, bound, bits);
