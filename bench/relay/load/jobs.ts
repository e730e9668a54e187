/** What the load tool is told to do, and what it answers. Each job by its name: what it takes, what it gives. */
import type { EdgeEndpoint } from "../../load/connection.ts";
import type { LatencySummary } from "../../statistics.ts";

/** Where the one end takes keys of SIZE_BITS, and where the other fetches them. */
export interface Ends {
  readonly master: EdgeEndpoint;
  readonly slave: EdgeEndpoint;
}
export const SIZE_BITS = 256;

export interface AtRate extends LatencySummary {
  /** Round trips that were due, and those that were made; the others were refused with 503. */
  readonly due: number;
  readonly done: number;
  readonly refused: number;
  /** Of those, by what the answers begin with: `link-budget`, `no-path` ... */
  readonly refusals: Readonly<Record<string, number>>;
  /** Made, until the last of those that were due was done. */
  readonly perS: number;
  readonly checkedKeys: number;
}

export interface Many extends LatencySummary {
  readonly perS: number;
  readonly checkedKeys: number;
}

export interface Jobs {
  /** Round trips at a given rate, whatever becomes of those before: each is timed from when it was due. */
  "at-rate": {
    takes: Ends & { readonly perS: number; readonly forMs: number; readonly connections: number };
    gives: AtRate;
  };
  /**
   * Of each, enc_keys of one key on a connection that is there, and dec_keys of it; one after the other.
   * `wakes`: each pair's pool has been asked for its status before; else nobody has asked it for anything.
   */
  first: {
    takes: { readonly ends: readonly Ends[]; readonly wakes: boolean };
    gives: { readonly encMs: readonly number[] };
  };
  /** Round trips on each connection without pause. */
  many: {
    takes: Ends & { readonly connections: number; readonly warmUpMs: number; readonly measureMs: number };
    gives: Many;
  };
}
