/** Requests by operation: how many, with which status, and how long they took. Kept by each isolate, added up by the Monitor. */
import type { MonitorView } from "../api/monitor-schemas.ts";
import type { Fault } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import type { Result } from "../result.ts";

/** Upper bounds of a histogram's buckets; one more holds what took longer. */
export const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

export interface OperationTally {
  /** HTTP status -> requests. */
  readonly codes: Readonly<Record<string, number>>;
  /** Requests that took no longer than the bound of the same place, and longer than that before. */
  readonly buckets: readonly number[];
  readonly sumSeconds: number;
}

/** By `operationId`, and `NO_OPERATION`. */
export type Tally = Readonly<Record<string, OperationTally>>;

/** Of requests that are none of the contract's. */
export const NO_OPERATION = "none";

interface OpenTally {
  readonly codes: Record<string, number>;
  readonly buckets: number[];
  sumSeconds: number;
}

const begun = (): OpenTally => ({ codes: {}, buckets: BUCKETS_S.map(() => 0).concat(0), sumSeconds: 0 });

/** What one isolate has seen since it last told of it. Bounded, whatever comes. */
export class TallyBook {
  #operations = new Map<string, OpenTally>();

  get isEmpty(): boolean {
    return this.#operations.size === 0;
  }

  count(operation: string, status: number, seconds: number): void {
    let tally = this.#operations.get(operation);
    if (tally === undefined) {
      tally = begun();
      this.#operations.set(operation, tally);
    }
    tally.codes[status] = (tally.codes[status] ?? 0) + 1;
    const bucket = BUCKETS_S.findIndex((bound) => seconds <= bound);
    const at = bucket === -1 ? BUCKETS_S.length : bucket;
    tally.buckets[at] = (tally.buckets[at] ?? 0) + 1;
    tally.sumSeconds += seconds;
  }

  take(): Tally {
    const tally = Object.fromEntries(this.#operations);
    this.#operations = new Map();
    return tally;
  }
}

/** The sum of some. Beyond the bounds, operations and statuses that are new are left out. */
export function sumOf(tallies: Iterable<Tally>): Tally {
  const sum = new Map<string, OpenTally>();
  for (const tally of tallies) {
    for (const [operation, more] of Object.entries(tally)) {
      const known = sum.get(operation);
      if (known === undefined && sum.size >= LIMITS.tallyOperations) continue;
      const open = known ?? begun();
      sum.set(operation, open);
      addTo(open, more);
    }
  }
  return Object.fromEntries(sum);
}

function addTo(sum: OpenTally, more: OperationTally): void {
  for (const [code, requests] of Object.entries(more.codes)) {
    if (sum.codes[code] === undefined && Object.keys(sum.codes).length >= LIMITS.tallyCodes) continue;
    sum.codes[code] = (sum.codes[code] ?? 0) + requests;
  }
  // Of another release, with other bounds: what has no place here is left out.
  for (const at of sum.buckets.keys()) sum.buckets[at] = (sum.buckets[at] ?? 0) + (more.buckets[at] ?? 0);
  sum.sumSeconds += more.sumSeconds;
}

/** @param isCounted of a status; all where absent */
export const requestsOf = ({ codes }: OperationTally, isCounted: (code: string) => boolean = () => true): number =>
  Object.entries(codes).reduce((sum, [code, requests]) => (isCounted(code) ? sum + requests : sum), 0);

/** The service failed. */
export const isError = (code: string): boolean => code.startsWith("5");

/**
 * How long the quickest share of the requests took, in seconds, as well as the buckets can tell: within one, requests are
 * taken to be spread evenly.
 * @returns null where there are none; the last bound where it is beyond
 */
export function quantileSeconds({ buckets }: OperationTally, share: number): number | null {
  const wanted = buckets.reduce((sum, count) => sum + count, 0) * share;
  if (wanted === 0) return null;
  let below = 0;
  for (const [at, bound] of BUCKETS_S.entries()) {
    const count = buckets[at] ?? 0;
    const from = BUCKETS_S[at - 1] ?? 0;
    if (count > 0 && below + count >= wanted) return from + ((bound - from) * (wanted - below)) / count;
    below += count;
  }
  return BUCKETS_S.at(-1) ?? null;
}

/** What the Monitor promises to Workers. */
export interface MetricsRpc {
  /** An isolate's requests, since it last told. */
  tally(more: Tally): Promise<void>;
  /** What it has seen last, and all requests so far. To ask is not to watch: it looks no more often for it. `directory-unavailable` */
  metrics(): Promise<Result<{ readonly view: MonitorView; readonly totals: Tally }, Fault>>;
}
