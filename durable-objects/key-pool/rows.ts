/** Rows as the pool's code sees them. */
import type { HealthReport } from "../../shared/health/health.ts";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type { HopOf } from "../../shared/keypool/relay-checks.ts";
import type { Segment } from "../../shared/keypool/segments.ts";
import type { ChunkRun } from "../../shared/keypool/streams.ts";
import type { Ledger, Recipient } from "../../shared/keypool/types.ts";
import type { SealedUnit } from "../storage/vault.ts";

export interface Totals {
  readonly ledger: Ledger;
  /** Bits that entered as blocks. */
  readonly ingested: number;
  /** Bits from, less those to, sibling shards. */
  readonly transferred: number;
  /** Bits of keys imported for multicast. */
  readonly imported: number;
  /** Bits of simulated material that ever entered. */
  readonly simulated: number;
  readonly blocks: number;
  readonly quarantinedBlocks: number;
  readonly nextUnit: number;
  readonly nextRecord: number;
  /** Number of the next key stream. */
  readonly nextStream: number;
}

export interface BlockRow {
  readonly seq: number;
  readonly id: BlockId;
  readonly bits: number;
  readonly fingerprint: Uint8Array;
  readonly state: "unmatched" | "matched" | "quarantined" | "expired" | "voided";
  /** The end that pushed it; null once both have pushed equal bytes, and of what the pool made itself. */
  readonly node: NodeId | null;
  readonly reason: QuarantineReason | null;
  readonly health: HealthReport;
  /** When it came; of one let in after a quarantine, when that was. */
  readonly atMs: number;
}

export type QuarantineReason = "health" | "duplicate-material" | "twin-mismatch";
/** As the block of a unit that is of none here: borrowed from another shard, or of another pool's making. */
export const NO_BLOCK = 0;
/** Of a unit of which nothing is given away yet. */
export const UNTOUCHED = { cursor: 0, refs: 0, begunMs: 0, freed: null } as const;
export type UnitState = "unmatched" | "available" | "spent" | "lent" | "import";

export interface UnitRow {
  readonly id: number;
  readonly block: number;
  /**
   * Where it begins, in bytes, in the block's material as it is given out: of a conditioned block, in the output.
   * Of a block that waits for its twin, in the raw bytes.
   */
  readonly offset: number;
  readonly length: number;
  readonly cursor: number;
  readonly refs: number;
  readonly state: UnitState;
  readonly owner: NodeId;
  /** When the first bits were given away; 0 before. */
  readonly begunMs: number;
  /** What is given away and never to be read again (see `freed.ts`), so that a new sealing leaves it out. Null: none yet. */
  readonly freed: Uint8Array | null;
}

/** A unit on its way into the tables. */
export interface NewUnit extends UnitRow {
  readonly data: SealedUnit;
}

export interface KeyRecord {
  readonly id: number;
  readonly nonce: Uint8Array;
  readonly state: "reserved" | "pending" | "held" | "stuck";
  readonly master: SaeId;
  readonly masterNode: NodeId;
  readonly recipients: readonly (Recipient & { readonly voided?: boolean })[];
  readonly keys: number;
  readonly sizeBytes: number;
  readonly segments: readonly Segment[];
  /** Bit `r * keys + k`: recipient r has not fetched key k yet. */
  readonly left: Uint8Array;
  readonly imported: boolean;
  readonly policyVersion: number;
  readonly expiresMs: number;
  readonly holdUntilMs: number;
  /** The record's number at the other half, where that announced it; null where it was made here. */
  readonly announced: number | null;
  /** Of a key stream: which of its chunks these are. No key ID finds them, and both ends fetch them: see stream-records.ts. */
  readonly chunks: ChunkRun | null;
  /** Of a hop's pad and tag key: of which relay. No key ID finds them: see relay-records.ts. */
  readonly hop: HopOf | null;
}
