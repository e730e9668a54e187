/** What the load tool is told to do, and what it answers. */
import type { LatencySummary } from "../statistics.ts";
import type { Endpoint } from "./connection.ts";

interface Shape {
  readonly connections: number;
  readonly keysPerRequest: number;
  readonly sizeBits: number;
}

/** enc_keys as the master, then dec_keys as the slave, on each connection without pause. */
export interface RoundTripsJob extends Shape {
  readonly job: "round-trips";
  readonly master: Endpoint;
  readonly slave: Endpoint;
  /** A time, or a number of round trips. */
  readonly length: { readonly warmUpMs: number; readonly measureMs: number } | { readonly roundTrips: number };
  /** False for the no-op server, whose keys are always the same. */
  readonly keysAreUnique: boolean;
}

/** enc_keys only: the keys stay pending, remembered under a name. */
export interface TakeJob extends Shape {
  readonly job: "take";
  readonly name: string;
  readonly master: Endpoint;
  readonly requests: number;
}

/** dec_keys of keys taken before, one a request, in random order over all that are left. */
export interface FetchJob {
  readonly job: "fetch";
  readonly name: string;
  readonly slave: Endpoint;
  readonly connections: number;
  readonly keys: number;
  /** True: the time of making the connections counts, and nothing else is asked before. */
  readonly isFirst: boolean;
}
export type Job = RoundTripsJob | TakeJob | FetchJob;

/** Rates are of round trips, or of requests where a job makes but one kind of them. */
export interface LoadResult extends LatencySummary {
  readonly perS: number;
  readonly keysPerS: number;
  /** Made in all, what came before the clock included. */
  readonly turns: number;
  /** Keys looked at for repeats. */
  readonly checkedKeys: number;
  /** What went wrong, at most a few; empty for a good run. */
  readonly problems: readonly string[];
}
export type FromLoad = { readonly type: "done"; readonly result: LoadResult };
