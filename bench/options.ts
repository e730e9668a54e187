/** What `npm run bench -- ...` understands, and what is measured then. Pure. */
import { commonArguments, type CommonOptions, wholeNumber } from "./arguments.ts";

/** What is measured, in this order. */
export const PARTS = ["round-trips", "memory", "pending", "cost"] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions extends CommonOptions<Part> {
  /** Length of one measurement of round trips. */
  readonly seconds: number;
  readonly connections: readonly number[];
}

export const USAGE = `npm run bench [-- options]
  --seconds N           length of one measurement of round trips (default 2)
  --rounds N            measurements of each kind, in turns with what they are compared with; medians count (default 7)
  --connections A,B     connections to each KME (default 16,64)
  --only A,B            of ${PARTS.join(", ")}; bench/results.md stays as it is
  --json FILE           also write the figures there
  --quick               under a minute: two rounds of one second, less of everything; bench/results.md stays as it is`;

/** @throws Error with one line for the user */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { common, seconds, own } = commonArguments(argv, PARTS, 7, ["connections"]);
  return {
    ...common,
    seconds: seconds ?? (common.quick ? 1 : 2),
    connections: (own["connections"] ?? "16,64").split(",").map((part) => wholeNumber("--connections", part, 1000)),
  };
}

export interface Scenario {
  readonly connections: number;
  readonly keysPerRequest: number;
}

/** Keys a request of the bulk scenarios. */
export const BULK_KEYS = 100;
export const KEY_SIZE_BITS = 256;

/**
 * One key a request, from a lone client too; then many, at each number of connections. Quick: not from a lone client,
 * and many at the last number only.
 */
export function scenariosOf({ connections, quick }: Pick<BenchOptions, "connections" | "quick">): Scenario[] {
  const last = connections.at(-1);
  const single = quick ? connections : new Set([1, ...connections]);
  const bulk = quick && last !== undefined ? [last] : connections;
  return [
    ...[...single].map((count) => ({ connections: count, keysPerRequest: 1 })),
    ...bulk.map((count) => ({ connections: count, keysPerRequest: BULK_KEYS })),
  ];
}

export interface MemoryPlan {
  readonly keys: number;
  /** The engine is looked at after so many keys, and again after each so many. */
  readonly sliceKeys: number;
  readonly connections: number;
}
/** Keys that pools hold, each its own: from none that fits into what an object keeps in memory to one that does whole. */
export const PENDING_KEYS = { "1e6": 1_000_000, "1e5": 100_000, "1e3": 1000 } as const;
export type PendingCase = keyof typeof PENDING_KEYS;
export const PENDING_CASES: readonly PendingCase[] = ["1e6", "1e5", "1e3"];

export interface PendingPlan {
  /** Fetched of each in turns: so many keys a turn, so many turns after each of so many restarts. */
  readonly fetches: number;
  readonly turns: number;
  readonly restarts: number;
  readonly connections: number;
}
export interface CostPlan {
  /** Round trips a case is measured with. */
  readonly roundTrips: number;
}

const MAX_RESTARTS = 5;

export const memoryPlanOf = ({ quick }: BenchOptions): MemoryPlan => ({
  keys: quick ? 200_000 : 1_000_000,
  sliceKeys: 100_000,
  connections: 16,
});

export const pendingPlanOf = ({ quick, rounds }: BenchOptions): PendingPlan => ({
  fetches: 300,
  turns: quick ? 2 : 3,
  restarts: Math.min(rounds, MAX_RESTARTS),
  connections: 16,
});

export const costPlanOf = ({ quick }: BenchOptions): CostPlan => ({ roundTrips: quick ? 100 : 1000 });
