/** What `npm run bench:audit -- ...` understands. Pure. */
import { commonArguments, type CommonOptions } from "../arguments.ts";

/** Keys in a request. */
export const PARTS = ["1", "100"] as const;
export type Part = (typeof PARTS)[number];

export interface AuditOptions extends CommonOptions<Part> {
  /** Of one run, with or without. */
  readonly measureMs: number;
}

export const CONNECTIONS = 32;

export const USAGE = `npm run bench:audit [-- options]
  --seconds N     of one run, with or without the audit log (default 5)
  --rounds N      pairs of runs; medians count (default 9)
  --only A,B      keys in a request, of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE     also write the figures there
  --quick         less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): AuditOptions {
  const { common, seconds } = commonArguments(argv, PARTS, 9);
  return { ...common, measureMs: (seconds ?? (common.quick ? 2 : 5)) * 1000 };
}
