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

/** RPC surface of an AuditLog object, one a node (named by node id; `deployment` for acts of no node). */
export interface AuditLogRpc {
  /** Idempotent per (source, seq); answers the highest seq of the source now stored. */
  append(batch: AuditBatch): Promise<{ readonly storedSeq: number }>;
  read(call: { readonly after: number; readonly limit: number }): Promise<{
    readonly records: readonly AuditRecord[];
    readonly next: number | null;
  }>;
  /** For a source whose storage may be an old copy: what it has forgotten. */
  reported(call: ReportedCall): Promise<{
    /** Highest number stored of the source; 0 before its first event. */
    readonly storedSeq: number;
    readonly records: readonly AuditRecord[];
    readonly next: { readonly seq: number; readonly index: number } | null;
  }>;
}
