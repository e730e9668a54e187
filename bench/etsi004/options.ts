/** What `npm run bench:004 -- ...` understands. Pure. */
import { commonArguments, type CommonOptions } from "../arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["get-key", "open", "binary", "bb84", "postprocess"] as const;
export type Part = (typeof PARTS)[number];

export interface StreamOptions extends CommonOptions<Part> {
  /** Length of one measurement of GET_KEY, or of nothing. */
  readonly measureMs: number;
  /** Streams opened, and calls of the binary binding. */
  readonly opens: number;
  readonly binaryCalls: number;
  /** Length of one measurement of the simulation. */
  readonly samplingMs: number;
  /** Blocks of sifted key. */
  readonly blocks: number;
}

/** Connections that ask at once. */
export const CONNECTIONS = [1, 16] as const;

export const USAGE = `npm run bench:004 [-- options]
  --rounds N      measurements of GET_KEY, in turns with an object that does nothing; medians count (default 5)
  --seconds N     length of one of them (default 1)
  --only A,B      of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE     also write the figures there
  --quick         two rounds with less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): StreamOptions {
  const { common, seconds } = commonArguments(argv, PARTS, 5);
  const { quick } = common;
  return {
    ...common,
    measureMs: (seconds ?? 1) * 1000,
    opens: quick ? 100 : 500,
    binaryCalls: quick ? 300 : 2000,
    samplingMs: quick ? 500 : 2000,
    blocks: quick ? 4 : 12,
  };
}
