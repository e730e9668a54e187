/** Sums over the deployment. */
import type { MonitorView } from "../../shared/api/monitor-schemas.ts";

/** Of what is known; null where nothing is. */
function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

/** Which is slowest; null where none has been timed. */
const slowestOf = (operations: MonitorView["operations"]) =>
  operations.reduce<{ readonly id: string; readonly p99Ms: number } | null>(
    (slowest, { id, p99_ms: p99Ms }) => (p99Ms !== null && p99Ms > (slowest?.p99Ms ?? -1) ? { id, p99Ms } : slowest),
    null,
  );

export const totalsOf = ({ links, operations }: Pick<MonitorView, "links" | "operations">) => ({
  availableBits: sum(links.map(({ available_bits: value }) => value)),
  keyRateBps: sum(links.map(({ key_rate_bps: value }) => value)),
  useRateBps: sum(links.map(({ use_rate_bps: value }) => value)),
  requestsPerS: sum(operations.map(({ requests_per_s: value }) => value)),
  errorsPerS: sum(operations.map(({ errors_per_s: value }) => value)),
  slowest: slowestOf(operations),
});
