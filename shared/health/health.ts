/** What the health tests found in one block; figures only, never key bytes. Filled in by `assess` (see README.md). */
export interface HealthReport {
  readonly bits: number;
  readonly passed: boolean;
  /** Names of failed tests, with figure and bound: `{"test":"ones-count","value":231731,"low":259000,"high":265288}`. */
  readonly failures: readonly { readonly test: string; readonly value: number; readonly bound: number }[];
  readonly ones: number;
  readonly longestRunBits: number;
  readonly aptMaxCount: number;
  readonly minEntropyPerBit: number;
}
