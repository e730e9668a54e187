/** What was measured. What was not is absent. */
import type { KemName } from "../../../shared/kem/registry.ts";
import type { Jobs, KemRates, Stalls } from "../load/jobs.ts";

export interface KemResult extends KemRates {
  readonly name: KemName;
}

export type GetKeyRound = Jobs["get-key"]["gives"];
export type SessionsRound = Jobs["sessions"]["gives"];

export interface LoadResult<Round> {
  /** At once. */
  readonly pairs: number;
  readonly rounds: readonly Round[];
}

export interface StallResult {
  /** Nothing went on. */
  readonly idle: Stalls;
  /** The engine computed all KEMs that it may. */
  readonly inEngine: Stalls;
  /** Sessions of agents, by KEM. */
  readonly inAgents: Readonly<Record<string, Stalls>>;
  /** Of each KEM, and sessions. */
  readonly exchanges: number;
  readonly sessions: number;
}

export interface HybridResults {
  kems?: readonly KemResult[];
  getKey?: readonly LoadResult<GetKeyRound>[];
  sessions?: readonly LoadResult<SessionsRound>[];
  stalls?: StallResult;
}
