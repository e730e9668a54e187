/** What was measured. What was not is absent. */
import type { AtRate, Many } from "../load/jobs.ts";

export interface RatesResult extends AtRate {
  readonly hops: number;
  /** Round trips a second that were asked for. */
  readonly askedPerS: number;
  /** Of key of the pair, and of the link on its way that had most, before the first of them. */
  readonly warmBits: number;
  readonly cpuMsPerTrip: number;
  /** Of the links on the way, by relays, and what relays brought meanwhile; of 1 hop there are none. */
  readonly spentBits: number;
  readonly relayedBits: number;
}

export interface FirstResult {
  readonly hops: number;
  /** Of enc_keys, for each pair, whose pool is awake and has nothing. */
  readonly encMs: readonly number[];
  /** Of others, whose pool nobody has asked for anything before: it comes to be. */
  readonly everEncMs: readonly number[];
}

export interface FillRound {
  readonly bytes: number;
  readonly ms: number;
  readonly cpuMs: number;
}
export interface FillResult {
  readonly hops: number;
  readonly rounds: readonly FillRound[];
  /** Of all its links, by all rounds. */
  readonly spentBits: number;
}

/** Relays of one key each, one after the other. */
export interface SingleResult {
  readonly hops: number;
  readonly calls: number;
  readonly ms: number;
  readonly bytes: number;
  readonly spentBits: number;
}

export interface RelayResults {
  rates?: readonly RatesResult[];
  first?: readonly FirstResult[];
  many?: Many;
  fills?: readonly FillResult[];
  single?: SingleResult;
}
