/** What `npm run bench:ipsec -- ...` understands. Pure. */
import { commonArguments, type CommonOptions } from "../arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["one", "hundred"] as const;
export type Part = (typeof PARTS)[number];

export interface IpsecOptions extends CommonOptions<Part> {
  /** SAs of a round of `one`, one after the other. */
  readonly sas: number;
  /** Of one POST of `hundred`. */
  readonly tunnels: number;
  /** Folder of the modules of RFC 9061; null: where the tests have them. */
  readonly modules: string | null;
}

export const USAGE = `npm run bench:ipsec [-- options]
  --rounds N      measurements of each kind; medians count (default 5)
  --modules DIR   the YANG modules of RFC 9061: see examples/ipsec
  --only A,B      of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE     also write the figures there
  --quick         less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): IpsecOptions {
  const { common, seconds, own } = commonArguments(argv, PARTS, 5, ["modules"]);
  if (seconds !== null) throw new Error("--seconds: an SA takes as long as it takes");
  return { ...common, sas: common.quick ? 10 : 50, tunnels: 100, modules: own["modules"] ?? null };
}
