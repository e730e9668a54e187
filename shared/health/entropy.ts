/**
 * Min-entropy estimates of NIST SP 800-90B: most common value (6.3.1) on bits and on bytes, and Markov (6.3.3). The
 * least of them is the figure reported; it judges nothing by itself.
 */
const Z_99_5 = 2.5758293035489;
const MARKOV_STEPS = 128;

const log = (part: number, whole: number) => (part === 0 ? -Infinity : Math.log2(part / whole));

/** @returns min-entropy per sample, in bits, from the count of the most common value among `samples`. */
export function mostCommonValueEntropy(count: number, samples: number): number {
  const p = count / samples;
  const upper = samples > 1 ? p + Z_99_5 * Math.sqrt((p * (1 - p)) / (samples - 1)) : 1;
  return Math.max(0, -Math.log2(Math.min(1, upper)));
}

export interface BitStatistics {
  readonly bits: number;
  readonly ones: number;
  /** Transitions 0 to 1, 1 to 0, and repeats 1 to 1, 0 to 0. */
  readonly rises: number;
  readonly falls: number;
  readonly repeatedOnes: number;
  readonly repeatedZeros: number;
}

/** @returns min-entropy per bit by the likeliest of the six extreme paths of 128 steps. */
export function markovEntropy(s: BitStatistics): number {
  const from0 = s.rises + s.repeatedZeros;
  const from1 = s.falls + s.repeatedOnes;
  const [p0, p1] = [log(s.bits - s.ones, s.bits), log(s.ones, s.bits)];
  const [p00, p01] = [log(s.repeatedZeros, from0), log(s.rises, from0)];
  const [p10, p11] = [log(s.falls, from1), log(s.repeatedOnes, from1)];
  const rest = MARKOV_STEPS - 1;
  const half = Math.floor(rest / 2);
  const paths = [
    p0 + rest * p00,
    p0 + (half + 1) * p01 + half * p10,
    p0 + p01 + (rest - 1) * p11,
    p1 + p10 + (rest - 1) * p00,
    p1 + (half + 1) * p10 + half * p01,
    p1 + rest * p11,
  ];
  return Math.min(1, Math.max(0, -Math.max(...paths) / MARKOV_STEPS));
}
