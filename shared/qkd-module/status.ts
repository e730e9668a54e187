/** What is told of a QKD module: figures only, never key material. */
import type { BlockReport } from "../postprocessing/session/report.ts";
import type { ModuleAlarmCode } from "./alarms.ts";
import type { Simulation } from "./settings.ts";

export type ModuleRole = "sender" | "receiver";

/**
 * - `connecting`: the other end has not been heard on this connection
 * - `mismatched`: it has, and is set up for something else
 * - `idle`: between two blocks; `running`: in one; `waiting`: after one that failed
 * - `full`: there is enough key
 */
export type ModuleState = "connecting" | "mismatched" | "idle" | "running" | "waiting" | "full";

/** One block as it ended at this end; what its simulation does not know is null. */
export interface ModuleReport extends Omit<BlockReport, "role" | "authentication"> {
  readonly sim: Simulation;
  readonly authentication: BlockReport["authentication"] | null;
  readonly endedMs: number;
  /** From the block's opening to its end. */
  readonly elapsedMs: number;
  /** How long its pulses take at the pulse rate. */
  readonly runMs: number;
  /** Released, without what is kept for authentication; 0 for a block that failed. */
  readonly keyBits: number;
  /** Over the longer of the two times. */
  readonly keyRateBps: number;
  readonly siftedRateBps: number;
}

export interface ModuleTotals {
  readonly released: number;
  readonly aborted: number;
  readonly siftedBits: number;
  readonly keyBits: number;
}

export interface ModuleStatus {
  readonly role: ModuleRole;
  readonly sim: Simulation;
  readonly state: ModuleState;
  /** Number of the last block begun; at the receiver, of those that were the sender's beyond doubt. */
  readonly block: number;
  readonly totals: ModuleTotals;
  /** Latest first, at most `LIMITS.moduleReports`. */
  readonly reports: readonly ModuleReport[];
  /** Key blocks not yet put away. */
  readonly finishedBlocks: number;
  /** Blocks of which the receiver does not know yet whether they count. */
  readonly unsettledBlocks: number;
  /** Blocks that key in store can authenticate. */
  readonly authenticationSlots: number;
}

/** What the shell is to do about it. */
export type ModuleNews =
  | { readonly kind: "raise"; readonly code: ModuleAlarmCode; readonly detail: string }
  | { readonly kind: "clear"; readonly code: ModuleAlarmCode }
  | { readonly kind: "block"; readonly report: ModuleReport };

export interface ModuleStep {
  /** For the other end, in order. */
  readonly send: readonly Uint8Array[];
  readonly news: readonly ModuleNews[];
}
