import type { Fault } from "../errors/errors.ts";
import type { Result } from "../result.ts";
import type { AuditKey, Checkpoint } from "./checkpoint.ts";
import type { AuditFault } from "./faults.ts";

/** A security-relevant act: who, what, when. Never key bytes or digests of them. One event a request, not a key. */
export interface AuditEvent {
  readonly atMs: number;
  /** Dotted verb: `keys.enc`, `keys.dec`, `keys.void`, `keys.refused`, `network.put`, `credential.revoke` ... */
  readonly act: string;
  /** `principalName` of who did it; `system` for alarms, `unknown` where somebody has not shown to be anybody. */
  readonly who: string;
  /** The node in whose log it belongs. */
  readonly node: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** Events of one source object, numbered without gaps from 1 per source. */
export interface AuditBatch {
  /** Object that made them: `key-pool:tn-1|tn-2#0`, `directory`. */
  readonly source: string;
  readonly firstSeq: number;
  /** In order. As one JSON text they are what an outbox holds, sent on as it is. */
  readonly events: readonly AuditEvent[] | string;
}

/** As chained by the AuditLog. */
export interface AuditRecord extends AuditEvent {
  readonly index: number;
  readonly source: string;
  readonly seq: number;
  /** SHA-256 hex over the previous hash and the texts of all records that bear this one: chain.ts. */
  readonly hash: string;
  /** CRC-32 hex of the record's own text; not with records of schema 1, which are hashed one by one. */
  readonly check?: string;
}

/** Of one source: the records it reported from a number on, some at a time. */
export interface ReportedCall {
  readonly source: string;
  /** Numbers above this one; those of a few before may come too. Null: nothing but `storedSeq`. */
  readonly afterSeq: number | null;
  /** `next` of the call before. */
  readonly after?: { readonly seq: number; readonly index: number };
}

/** How a log stands. */
export interface AuditLogState {
  /** The last record; index 0 before the first. */
  readonly head: { readonly index: number; readonly hash: string };
  /** Records up to this checkpoint's have been dropped for their age; null: none. */
  readonly start: Checkpoint | null;
  /** The newest; null before the first. */
  readonly checkpoint: Checkpoint | null;
  /** False where the deployment has no identity to sign by: no checkpoints are made. */
  readonly isSigned: boolean;
}

/** RPC surface of an AuditLog object, one a node (named by node id; `deployment` for acts of no node). */
export interface AuditLogRpc {
  /** Idempotent per (source, seq); answers the highest seq of the source now stored. */
  append(batch: AuditBatch): Promise<{ readonly storedSeq: number }>;
  read(call: { readonly after: number; readonly limit: number }): Promise<{
    readonly records: readonly AuditRecord[];
    readonly next: number | null;
  }>;
  /** The latest records of those above an index, at most `limit` of them, in order. */
  latest(call: { readonly after: number; readonly limit: number }): Promise<{
    readonly records: readonly AuditRecord[];
    /** The last of each kind, however long ago; what cannot be read is met by who reads it. */
    readonly faults: readonly AuditFault[];
  }>;
  /** For a source whose storage may be an old copy: what it has forgotten. */
  reported(call: ReportedCall): Promise<{
    /** Highest number stored of the source; 0 before its first event. */
    readonly storedSeq: number;
    readonly records: readonly AuditRecord[];
    readonly next: { readonly seq: number; readonly index: number } | null;
  }>;
  state(): Promise<AuditLogState>;
  /** At most LIMITS.auditCheckpointsRead with numbers above `after`. */
  checkpoints(call: { readonly after: number; readonly limit: number }): Promise<{
    readonly checkpoints: readonly Checkpoint[];
    /** Pass as `after` to read on; null at the end. */
    readonly next: number | null;
  }>;
  /** Sees to it that a checkpoint covers all records; `conflict` where the deployment has no identity. */
  makeCheckpoint(): Promise<Result<AuditLogState, Fault>>;
  /** All keys that checkpoints here were signed by, or would be now. */
  keys(): Promise<readonly AuditKey[]>;
  /** Events of who has no outbox; each with this log's node. What a crash loses of them was never acknowledged. */
  note(events: readonly AuditEvent[]): Promise<void>;
}
