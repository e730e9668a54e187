/** A security-relevant act: who, what, when. Never key bytes or digests of them. One event a request, not a key. */
export interface AuditEvent {
  readonly atMs: number;
  /** Dotted verb: `keys.enc`, `keys.dec`, `keys.void`, `keys.refused`, `network.put`, `credential.revoke` ... */
  readonly act: string;
  /** `principalName` of who did it; `system` for alarms. */
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
  readonly events: readonly AuditEvent[];
}

/** As chained by the AuditLog. */
export interface AuditRecord extends AuditEvent {
  readonly index: number;
  readonly source: string;
  readonly seq: number;
  /** SHA-256 hex over the previous record's hash and this record's canonical JSON. */
  readonly hash: string;
}

/** RPC surface of an AuditLog object, one a node (named by node id; `deployment` for acts of no node). */
export interface AuditLogRpc {
  /** Idempotent per (source, seq); answers the highest seq of the source now stored. */
  append(batch: AuditBatch): Promise<{ readonly storedSeq: number }>;
  read(call: { readonly after: number; readonly limit: number }): Promise<{
    readonly records: readonly AuditRecord[];
    readonly next: number | null;
  }>;
}
