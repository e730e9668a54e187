/** What `npm run bench -- ...` understands. Pure. */
import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Length of one measurement. */
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  /** Where to write the ratios as JSON. */
  readonly json: string | null;
  /** Short, and leaves bench/results.md alone. */
  readonly quick: boolean;
}

export const USAGE = `npm run bench [-- options]
  --seconds N           length of one measurement (default 5)
  --rounds N            measurements of each kind, taken in turns; medians count (default 3)
  --connections A,B     connections to each KME (default 16,64)
  --json FILE           also write the ratios there
  --quick               one round of one second; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: "string" },
      rounds: { type: "string" },
      connections: { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  const quick = values.quick;
  return {
    seconds: wholeNumber("--seconds", values.seconds ?? (quick ? "1" : "5"), 600),
    rounds: wholeNumber("--rounds", values.rounds ?? (quick ? "1" : "3"), 100),
    connections: (values.connections ?? "16,64").split(",").map((part) => wholeNumber("--connections", part, 1000)),
    json: values.json ?? null,
    quick,
  };
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new Error(`${name} takes whole numbers from 1 to ${max}, not "${text}"`);
  return value;
}

export interface Scenario {
  readonly connections: number;
  readonly keysPerRequest: number;
}

/** Keys a request of the bulk scenario. */
export const BULK_KEYS = 100;
export const KEY_SIZE_BITS = 256;

/** One key a request at each number of connections, and many keys a request at the first of them. */
export function scenariosOf(connections: readonly number[]): Scenario[] {
  const single = connections.map((count) => ({ connections: count, keysPerRequest: 1 }));
  return [...single, ...single.slice(0, 1).map((scenario) => ({ ...scenario, keysPerRequest: BULK_KEYS }))];
}
