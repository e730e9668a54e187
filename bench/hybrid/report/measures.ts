/** What was measured. What was not is absent. */
import type { KemName } from "../../../shared/kem/registry.ts";
import type { Jobs, KemRates, Stalls } from "../load/jobs.ts";

export interface KemResult extends KemRates {
  readonly name: KemName;
}

/** CPU time for each key that both ends have, in a session of its own or not. */
interface CpuMs {
  readonly engineMs: number;
  /** Both. */
  readonly agentsMs: number;
}
export type RoundOf<Name extends "get-key" | "sessions"> = Jobs[Name]["gives"] & { readonly cpu: CpuMs };
export type GetKeyRound = RoundOf<"get-key">;
export type SessionsRound = RoundOf<"sessions">;

export interface LoadResult<Round> {
  /** At once. */
  readonly pairs: number;
  readonly rounds: readonly Round[];
}

/** What went on: nothing, the engine computed a KEM, or sessions of agents used one. */
export interface StallCase {
  readonly kind: "idle" | "engine" | "agents";
  /** Of the KEM. */
  readonly name: string;
  readonly rounds: readonly Stalls[];
}
export interface StallResult {
  readonly cases: readonly StallCase[];
  /** Of a round. */
  readonly exchanges: number;
  readonly sessions: number;
}

export interface HybridResults {
  kems?: readonly KemResult[];
  getKey?: readonly LoadResult<GetKeyRound>[];
  sessions?: readonly LoadResult<SessionsRound>[];
  stalls?: StallResult;
}
