/** What `npm run bench:tunnel -- ...` understands. Pure. */
import { commonArguments, type CommonOptions, wholeNumber } from "../arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["rounds", "memory"] as const;
export type Part = (typeof PARTS)[number];

export interface TunnelOptions extends CommonOptions<Part> {
  /** Of one bulk transfer. */
  readonly bulkBytes: number;
  /** Length of one measurement that has a length: pings, requests. */
  readonly measureMs: number;
  /** Connections whose set-up is timed, one after the other. */
  readonly setups: number;
  /** Streams that are frozen are looked at for so long at most. */
  readonly freezeMs: number;
}

const MB = 1_000_000;

export const USAGE = `npm run bench:tunnel [-- options]
  --rounds N      measurements of each kind, the ways to the device in turns; medians count (default 5)
  --bulk-mb N     size of one bulk transfer (default 256)
  --seconds N     length of one measurement of pings or requests (default 1)
  --only A,B      of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE     also write the figures there
  --quick         two rounds with less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): TunnelOptions {
  const { common, seconds, own } = commonArguments(argv, PARTS, 5, ["bulk-mb"]);
  const { quick } = common;
  return {
    ...common,
    bulkBytes: wholeNumber("--bulk-mb", own["bulk-mb"] ?? (quick ? "64" : "256"), 100_000) * MB,
    measureMs: (seconds ?? (quick ? 0.5 : 1)) * 1000,
    setups: quick ? 100 : 300,
    freezeMs: quick ? 2000 : 10_000,
  };
}
