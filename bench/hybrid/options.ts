/** What `npm run bench:hybrid -- ...` understands. Pure. */
import { commonArguments, type CommonOptions } from "../arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["kems", "get-key", "sessions", "stalls"] as const;
export type Part = (typeof PARTS)[number];

export interface HybridOptions extends CommonOptions<Part> {
  /** Length of one measurement of GET_KEY, of whole sessions, or of stalls. */
  readonly measureMs: number;
  /** Length of one measurement of a KEM's operation; one of it at least. */
  readonly kemMs: number;
  /** Exchanges of each KEM that the engine is looked at under, a round. */
  readonly edgeExchanges: number;
}

/** Pairs of applications that ask at once. */
export const CONNECTIONS = [1, 8] as const;

export const USAGE = `npm run bench:hybrid [-- options]
  --rounds N      measurements of GET_KEY, sessions and stalls; medians count (default 5)
  --seconds N     length of one of them (default 1)
  --only A,B      of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE     also write the figures there
  --quick         less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): HybridOptions {
  const { common, seconds } = commonArguments(argv, PARTS, 5);
  const { quick } = common;
  return {
    ...common,
    measureMs: (seconds ?? 1) * 1000,
    kemMs: quick ? 20 : 60,
    edgeExchanges: quick ? 10 : 20,
  };
}
