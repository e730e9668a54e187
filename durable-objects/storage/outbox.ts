/**
 * Audit events on their way from an object to the nodes' audit logs.
 *
 * Events are written in the same transaction as what they tell of, and shipped later by the object's alarm. They are
 * numbered without gaps per (source, node), because each node has a log of its own: that log can tell when one is
 * missing. A row holds the events of one `record` call for one node.
 */
import type { AuditBatch, AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import { storedJson, type Database } from "./database.ts";

/** To be part of the first migration of every object that audits. */
export const outboxMigration = `
  CREATE TABLE audit_outbox (
    node TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0, -- > 0: stands for so many events dropped, while it can still grow
    events TEXT NOT NULL,
    PRIMARY KEY (node, first_seq)
  ) WITHOUT ROWID;
  CREATE TABLE audit_sent (node TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
`;

export interface OutboxLimits {
  /** Events held at most; see `full`. */
  readonly outboxEvents: number;
  /** Events in one batch to a log, and in one row. */
  readonly auditBatchEvents: number;
  /** Batches sent in one call of `ship`. */
  readonly auditBatchesPerShip: number;
}

export interface ShipOutcome {
  readonly shippedEvents: number;
  readonly pendingEvents: number;
  /** Logs that could not be reached: try again later. */
  readonly failedNodes: readonly string[];
}

type Row = { node: string; first_seq: number; last_seq: number; dropped: number; events: string };

export class AuditOutbox {
  readonly #db: Database;
  readonly #source: string;
  readonly #limits: OutboxLimits;
  /** May run high after a caller's rollback, never low; `ship` counts afresh. */
  #events: number;
  #shipping = false;

  /** @param source name of the object, such as `key-pool:tn-1|tn-2#0`; the same for ever. */
  constructor(db: Database, source: string, limits: OutboxLimits) {
    this.#db = db;
    this.#source = source;
    this.#limits = limits;
    this.#events = this.#count();
  }

  /** True when no more events fit: the caller refuses the request (`audit-full`) or calls `drop`, as the policy says. */
  full(): boolean {
    return this.#events >= this.#limits.outboxEvents;
  }

  /** Events not yet acknowledged by their logs. */
  pending(): number {
    return this.#events;
  }

  /** Stores events. Call it inside the transaction that does what they tell of. */
  record(events: readonly AuditEvent[]): void {
    for (const [node, ofNode] of Map.groupBy(events, (event) => event.node)) {
      let firstSeq = this.#lastSeq(node) + 1;
      for (let at = 0; at < ofNode.length; at += this.#limits.auditBatchEvents) {
        const part = ofNode.slice(at, at + this.#limits.auditBatchEvents);
        this.#insert(node, firstSeq, firstSeq + part.length - 1, part, 0);
        firstSeq += part.length;
      }
    }
    this.#events += events.length;
  }

  /**
   * Drops events (policy `audit_overflow` = `drop`), leaving one `audit.dropped` event per node and run, with the
   * count, so that the log shows what it lacks. Inside the caller's transaction too.
   */
  drop(events: readonly AuditEvent[]): void {
    for (const [node, ofNode] of Map.groupBy(events, (event) => event.node)) {
      const last = this.#lastRow(node);
      const growing = last !== undefined && last.dropped > 0 ? last : undefined;
      const dropped = (growing?.dropped ?? 0) + ofNode.length;
      const seq = growing?.first_seq ?? this.#lastSeq(node) + 1;
      const event: AuditEvent = {
        atMs: ofNode[0]?.atMs ?? 0,
        act: "audit.dropped",
        who: "system",
        node,
        detail: { events: dropped },
      };
      this.#insert(node, seq, seq, [event], dropped);
      if (growing === undefined) this.#events += 1;
    }
  }

  /**
   * Sends what is pending, oldest first, and forgets what is acknowledged. Bounded: call again while events are
   * pending. A log that cannot be reached does not hold up the others.
   *
   * @param logOf gives the log of a node, such as `(node) => env.AUDIT_LOG.getByName(node)`.
   */
  async ship(logOf: (node: string) => Pick<AuditLogRpc, "append">): Promise<ShipOutcome> {
    if (this.#shipping) return { shippedEvents: 0, pendingEvents: this.#events, failedNodes: [] };
    this.#shipping = true;
    const failedNodes = new Set<string>();
    let shippedEvents = 0;
    try {
      for (let sent = 0; sent < this.#limits.auditBatchesPerShip; sent++) {
        const next = this.#nextBatch(failedNodes);
        if (next === undefined) break;
        try {
          // Batches go one after another: their order is the point.
          // oxlint-disable-next-line no-await-in-loop
          const { storedSeq } = await logOf(next.node).append(next.batch);
          // A log that has seen higher numbers (from before a roll-back here) has not seen what was not sent.
          this.#forget(next.node, Math.min(storedSeq, next.lastSeq));
          shippedEvents += next.batch.events.length;
        } catch {
          failedNodes.add(next.node);
        }
      }
    } finally {
      this.#shipping = false;
      this.#events = this.#count();
    }
    return { shippedEvents, pendingEvents: this.#events, failedNodes: [...failedNodes] };
  }

  /** Events of whole rows, up to the batch bound, of the first node that has not failed. */
  #nextBatch(failedNodes: ReadonlySet<string>): { node: string; lastSeq: number; batch: AuditBatch } | undefined {
    const nodes = this.#db.all<{ node: string }>("SELECT DISTINCT node FROM audit_outbox ORDER BY node");
    const node = nodes.find((row) => !failedNodes.has(row.node))?.node;
    if (node === undefined) return undefined;
    // What is about to be sent may not grow any more: the log would keep the older count.
    this.#db.run("UPDATE audit_outbox SET dropped = 0 WHERE node = ? AND dropped > 0", node);
    const rows = this.#db.all<Row>(
      "SELECT * FROM audit_outbox WHERE node = ? ORDER BY first_seq LIMIT ?",
      node,
      this.#limits.auditBatchEvents,
    );
    const events: AuditEvent[] = [];
    for (const row of rows) {
      const more = storedJson<AuditEvent[]>(row.events);
      if (events.length > 0 && events.length + more.length > this.#limits.auditBatchEvents) break;
      events.push(...more);
    }
    const firstSeq = rows[0]?.first_seq ?? 1;
    return { node, lastSeq: firstSeq + events.length - 1, batch: { source: this.#source, firstSeq, events } };
  }

  #forget(node: string, storedSeq: number): void {
    this.#db.transaction(() => {
      const sent = this.#db.one<{ last_seq: number }>(
        "SELECT max(last_seq) AS last_seq FROM audit_outbox WHERE node = ? AND last_seq <= ?",
        node,
        storedSeq,
      );
      if (typeof sent?.last_seq !== "number") throw new Error(`the audit log of ${node} acknowledged nothing`);
      this.#db.run("INSERT OR REPLACE INTO audit_sent (node, last_seq) VALUES (?, ?)", node, sent.last_seq);
      this.#db.run("DELETE FROM audit_outbox WHERE node = ? AND last_seq <= ?", node, storedSeq);
    });
  }

  #insert(node: string, firstSeq: number, lastSeq: number, events: readonly AuditEvent[], dropped: number): void {
    this.#db.run(
      "INSERT OR REPLACE INTO audit_outbox (node, first_seq, last_seq, dropped, events) VALUES (?, ?, ?, ?, ?)",
      node,
      firstSeq,
      lastSeq,
      dropped,
      JSON.stringify(events),
    );
  }

  #lastRow(node: string): Pick<Row, "first_seq" | "last_seq" | "dropped"> | undefined {
    return this.#db.one<Pick<Row, "first_seq" | "last_seq" | "dropped">>(
      "SELECT first_seq, last_seq, dropped FROM audit_outbox WHERE node = ? ORDER BY first_seq DESC LIMIT 1",
      node,
    );
  }

  #lastSeq(node: string): number {
    const pending = this.#lastRow(node);
    if (pending !== undefined) return pending.last_seq;
    return this.#db.one<{ last_seq: number }>("SELECT last_seq FROM audit_sent WHERE node = ?", node)?.last_seq ?? 0;
  }

  #count(): number {
    const row = this.#db.one<{ n: number | null }>("SELECT sum(last_seq - first_seq + 1) AS n FROM audit_outbox");
    return row?.n ?? 0;
  }
}
