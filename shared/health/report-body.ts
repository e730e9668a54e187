/** A health report as clients of the HTTP API see it: members in snake_case, units last. */
import type { HealthReport } from "./health.ts";

export const healthBody = (health: HealthReport) => ({
  bits: health.bits,
  passed: health.passed,
  failures: health.failures,
  ones: health.ones,
  longest_run_bits: health.longestRunBits,
  apt_max_count: health.aptMaxCount,
  min_entropy_per_bit: health.minEntropyPerBit,
});
