/** What `npm run bench:relay -- ...` understands. Pure. */
import { LEAVES_EACH } from "./network.ts";
import { commonArguments, type CommonOptions } from "../arguments.ts";

/** What is measured, in this order: rates while links have but little in stock, the others from full ones. */
export const PARTS = ["rates", "cold", "many", "fill", "single"] as const;
export type Part = (typeof PARTS)[number];

export interface RelayOptions extends CommonOptions<Part> {
  /** Of round trips at the links' rate, for each number of hops; and before that, until they go on evenly. */
  readonly ratesMs: number;
  readonly ratesWarmUpMs: number;
  /** Pairs whose first key is timed, for each number of hops; and as many that nobody has asked for anything before. */
  readonly leaves: number;
  /** Of round trips of many connections. */
  readonly manyMs: number;
  /** Of one fill. */
  readonly fillMs: number;
  /** Relays of one key. */
  readonly singles: number;
}

/** Connections that ask at once. */
export const CONNECTIONS = 64;

export const USAGE = `npm run bench:relay [-- options]
  --seconds N     round trips at the links' rate, for each number of hops (default 60)
  --rounds N      fills of a pool over 2 and over 5 hops; medians count (default 3)
  --only A,B      of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE     also write the figures there
  --quick         less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): RelayOptions {
  const { common, seconds } = commonArguments(argv, PARTS, 3);
  const { quick } = common;
  return {
    ...common,
    ratesMs: (seconds ?? (quick ? 5 : 60)) * 1000,
    ratesWarmUpMs: quick ? 2000 : 5000,
    leaves: quick ? 8 : LEAVES_EACH / 2,
    manyMs: quick ? 2000 : 5000,
    fillMs: quick ? 1000 : 3000,
    singles: quick ? 50 : 200,
  };
}
