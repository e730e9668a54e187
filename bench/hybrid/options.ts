/** What `npm run bench:hybrid -- ...` understands. Pure. */
import { parseArgs } from "node:util";
import { partsOf, wholeNumber } from "../arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["kems", "get-key", "sessions", "stalls"] as const;
export type Part = (typeof PARTS)[number];

export interface HybridOptions {
  /** Measurements of GET_KEY, of whole sessions, and of stalls. */
  readonly rounds: number;
  /** Length of one of those. */
  readonly measureMs: number;
  /** Length of one measurement of a KEM's operation; one of it at least. */
  readonly kemMs: number;
  /** Exchanges of each KEM that the engine is looked at under, a round. */
  readonly edgeExchanges: number;
  readonly parts: readonly Part[];
  /** Where to write all figures as JSON. */
  readonly json: string | null;
  readonly quick: boolean;
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
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const quick = values.quick;
  return {
    rounds: wholeNumber("--rounds", values.rounds ?? (quick ? "2" : "5"), 100),
    measureMs: wholeNumber("--seconds", values.seconds ?? "1", 600) * 1000,
    kemMs: quick ? 20 : 60,
    edgeExchanges: quick ? 10 : 20,
    parts: values.only === undefined ? PARTS : partsOf(values.only, PARTS),
    json: values.json ?? null,
    quick,
  };
}
