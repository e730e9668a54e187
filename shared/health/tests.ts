/**
 * Cutoffs of the health tests run on every block, at a false-alarm probability of 2^-40 a test for full-entropy bits.
 * NIST SP 800-90B clauses 4.4.1 (repetition count) and 4.4.2 (adaptive proportion), on *bits*: byte-wise tests miss a
 * constant bias of the bits.
 */
export const REPETITION_CUTOFF_BITS = 41; // 1 + 40 / H, H = 1
export const ADAPTIVE_WINDOW_BITS = 1024;
export const ADAPTIVE_CUTOFF = 625; // 1 + CRITBINOM(1024, 1/2, 1 - 2^-40)
/** The count of ones may stray this many standard deviations from half the bits (two-sided probability 2e-7). */
export const ONES_SIGMAS = 5.2;
