/** How many cases came to what. */
import type { Outcome, Result } from "../case.ts";

export function countsOf(outcomes: readonly Outcome[]): Readonly<Record<Result, number>> {
  const counts = { pass: 0, fail: 0, note: 0, skip: 0 };
  for (const { result } of outcomes) counts[result]++;
  return counts;
}
