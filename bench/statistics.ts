/** Figures out of measured times. Pure. */

/**
 * The p-quantile by the nearest-rank rule: the least value that at least `p` of the values do not exceed.
 * @param sorted ascending, not empty
 * @param p in (0, 1]
 */
export function quantile(sorted: Float64Array, p: number): number {
  const rank = Math.max(1, Math.ceil(p * sorted.length - 1e-9));
  const value = sorted[Math.min(rank, sorted.length) - 1];
  if (value === undefined) throw new Error("no values");
  return value;
}

/** The middle value; the mean of the two middle ones of an even number. @param values not empty */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error("no values");
  return (lower + upper) / 2;
}

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** @param latenciesMs in any order, not empty */
export function summarise(latenciesMs: readonly number[]): LatencySummary {
  const sorted = Float64Array.from(latenciesMs).sort();
  return { count: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
}

/** Three significant digits: what a run on a shared machine can honestly claim. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
