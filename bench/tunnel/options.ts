/** What `npm run bench:tunnel -- ...` understands. Pure. */
import { parseArgs } from "node:util";
import { partsOf, wholeNumber } from "../arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["rounds", "memory"] as const;
export type Part = (typeof PARTS)[number];

export interface TunnelOptions {
  readonly rounds: number;
  /** Of one bulk transfer. */
  readonly bulkBytes: number;
  /** Length of one measurement that has a length: pings, requests. */
  readonly measureMs: number;
  /** Connections whose set-up is timed, one after the other. */
  readonly setups: number;
  /** Streams that are frozen are looked at for so long at most. */
  readonly freezeMs: number;
  readonly parts: readonly Part[];
  /** Where to write all figures as JSON. */
  readonly json: string | null;
  readonly quick: boolean;
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
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: "string" },
      "bulk-mb": { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const quick = values.quick;
  const seconds = values.seconds === undefined ? (quick ? 0.5 : 1) : wholeNumber("--seconds", values.seconds, 600);
  return {
    rounds: wholeNumber("--rounds", values.rounds ?? (quick ? "2" : "5"), 100),
    bulkBytes: wholeNumber("--bulk-mb", values["bulk-mb"] ?? (quick ? "64" : "256"), 100_000) * MB,
    measureMs: seconds * 1000,
    setups: quick ? 100 : 300,
    freezeMs: quick ? 2000 : 10_000,
    parts: values.only === undefined ? PARTS : partsOf(values.only, PARTS),
    json: values.json ?? null,
    quick,
  };
}
