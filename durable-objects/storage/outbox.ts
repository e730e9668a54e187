/**
 * Audit events on their way from an object to the nodes' audit logs.
 *
 * Events are written in the same transaction as what they tell of, and shipped later by the object's alarm. They are
 * numbered without gaps per (source, node), because each node has a log of its own: that log can tell when one is
 * missing. A row holds the events of one `record` call for one node.
 */
import type { AuditBatch, AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import { within } from "../within.ts";
import { type Database, storedJson } from "./database.ts";

/**
 * To be part of the first migration of every object that audits. With row ids, because rows are long: without, each
 * would dirty pages of its own. (Stores from before that have none; nothing here depends on it.)
 */
export const outboxMigration = `
  CREATE TABLE audit_outbox (
    node TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0, -- > 0: stands for so many events dropped, while it can still grow
    events TEXT NOT NULL,
    PRIMARY KEY (node, first_seq)
  );
  CREATE TABLE audit_sent (node TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
`;

export interface OutboxLimits {
  /** Events held at most; see `full`. */
  readonly outboxEvents: number;
  /** Events in one batch to a log, and in one row. */
  readonly auditBatchEvents: number;
  /** Characters of JSON in one batch, and in one row; an event that is longer goes alone. */
  readonly auditBatchChars: number;
  /** Batches sent in one call of `ship`. */
  readonly auditBatchesPerShip: number;
  /** How long a log may take for a batch; then it counts as one that cannot be reached. */
  readonly auditAppendMs: number;
}

export interface ShipOutcome {
  readonly shippedEvents: number;
  readonly pendingEvents: number;
  /** Logs that could not be reached: try again later. */
  readonly failedNodes: readonly string[];
}

type Row = { first_seq: number; last_seq: number; dropped: number; events: string };

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
      for (let at = 0; at < ofNode.length; at += this.#limits.auditBatchEvents) {
        this.#recordRow(node, ofNode.slice(at, at + this.#limits.auditBatchEvents));
      }
    }
    this.#events += events.length;
  }

  #recordRow(node: string, events: readonly AuditEvent[]): void {
    const text = JSON.stringify(events);
    if (text.length > this.#limits.auditBatchChars && events.length > 1) {
      const half = Math.ceil(events.length / 2);
      this.#recordRow(node, events.slice(0, half));
      this.#recordRow(node, events.slice(half));
    } else this.#add(node, events.length, text, 0);
  }

  /** For callers that no full outbox holds up. */
  recordOrDrop(events: readonly AuditEvent[]): void {
    if (this.full()) this.drop(events);
    else this.record(events);
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
      const event: AuditEvent = {
        atMs: ofNode[0]?.atMs ?? 0,
        act: "audit.dropped",
        who: "system",
        node,
        detail: { events: dropped },
      };
      const text = JSON.stringify([event]);
      if (growing === undefined) {
        this.#add(node, 1, text, dropped);
        this.#events += 1;
      } else {
        const sql = "UPDATE audit_outbox SET dropped = ?, events = ? WHERE node = ? AND first_seq = ?";
        this.#db.run(sql, dropped, text, node, growing.first_seq);
      }
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
    const failedNodes: string[] = [];
    const acknowledged = new Map<string, number>();
    let batches = 0;
    let shippedEvents = 0;
    try {
      for (let node = this.#nodeAfter(""); node !== undefined; node = this.#nodeAfter(node)) {
        try {
          for (; batches < this.#limits.auditBatchesPerShip; batches += 1) {
            const next = this.#nextBatch(node, acknowledged.get(node) ?? 0);
            if (next === undefined) break;
            const { batch, lastSeq } = next;
            // Batches go one after another: their order is the point.
            // oxlint-disable-next-line no-await-in-loop
            const answer = await within(this.#limits.auditAppendMs, append(logOf(node), batch));
            // Should it come to be stored after all: a log takes a repeat for what it is.
            if (answer === undefined) throw new Error(`the audit log of ${node} does not answer`);
            const { storedSeq } = answer;
            // A log may have seen higher numbers, from before a roll-back here, but not what was not sent.
            if (storedSeq < lastSeq) throw new Error(`the audit log of ${node} has not stored all of it`);
            acknowledged.set(node, lastSeq);
            shippedEvents += lastSeq - batch.firstSeq + 1;
          }
        } catch {
          failedNodes.push(node);
        }
      }
    } finally {
      this.#shipping = false;
      this.#forget(acknowledged);
      this.#events = this.#count();
    }
    return { shippedEvents, pendingEvents: this.#events, failedNodes };
  }

  /** Nodes by name, a seek each. */
  #nodeAfter(node: string): string | undefined {
    const sql = "SELECT node FROM audit_outbox WHERE node > ? ORDER BY node LIMIT 1";
    return this.#db.one<{ node: string }>(sql, node)?.node;
  }

  /** Whole rows of a node, the oldest after a number, up to the bounds of a batch. Their texts go out as they are. */
  #nextBatch(node: string, afterSeq: number): { readonly batch: AuditBatch; readonly lastSeq: number } | undefined {
    const rows = this.#db.all<Row>(
      `SELECT first_seq, last_seq, dropped, events FROM audit_outbox
       WHERE node = ?1 AND first_seq > ?2 AND first_seq < ?3 + (SELECT min(first_seq) FROM audit_outbox
         WHERE node = ?1 AND first_seq > ?2)
       ORDER BY first_seq`,
      node,
      afterSeq,
      this.#limits.auditBatchEvents,
    );
    const firstSeq = rows[0]?.first_seq ?? 0;
    let chars = 0;
    const tooMany = rows.findIndex(({ last_seq: lastSeq, events }, at) => {
      chars += events.length;
      const { auditBatchEvents, auditBatchChars } = this.#limits;
      return at > 0 && (lastSeq - firstSeq >= auditBatchEvents || chars > auditBatchChars);
    });
    const chosen = tooMany === -1 ? rows : rows.slice(0, tooMany);
    const last = chosen.at(-1);
    if (last === undefined) return undefined;
    if (last.dropped > 0) {
      // What is about to be sent may not grow any more: the log would keep the older count.
      this.#db.run("UPDATE audit_outbox SET dropped = 0 WHERE node = ? AND first_seq = ?", node, last.first_seq);
    }
    const events = `[${chosen.map((row) => row.events.slice(1, -1)).join(",")}]`;
    return { batch: { source: this.#source, firstSeq, events }, lastSeq: last.last_seq };
  }

  /** All at once, so that shipping costs one commit: what a crash keeps from being forgotten is stored once anyway. */
  #forget(acknowledged: ReadonlyMap<string, number>): void {
    this.#db.transaction(() => {
      for (const [node, lastSeq] of acknowledged) {
        const sql = "DELETE FROM audit_outbox WHERE node = ? AND first_seq <= ?";
        // Gone already: `skipTo` has put another number in place.
        if (this.#db.run(sql, node, lastSeq) === 0) continue;
        this.#db.run("INSERT OR REPLACE INTO audit_sent (node, last_seq) VALUES (?, ?)", node, lastSeq);
      }
    });
  }

  /** One more row, numbered on from the node's last one. In SQL, so that nothing outlives a caller's rollback. */
  #add(node: string, count: number, events: string, dropped: number): void {
    this.#db.run(
      `INSERT INTO audit_outbox (node, first_seq, last_seq, dropped, events)
       SELECT ?1, seq + 1, seq + ?2, ?3, ?4 FROM (${LAST_SEQ})`,
      node,
      count,
      dropped,
      events,
    );
  }

  #lastRow(node: string): Pick<Row, "first_seq" | "dropped"> | undefined {
    return this.#db.one<Pick<Row, "first_seq" | "dropped">>(
      "SELECT first_seq, dropped FROM audit_outbox WHERE node = ? ORDER BY first_seq DESC LIMIT 1",
      node,
    );
  }

  /** Number of the latest event for a node's log; 0 before the first. */
  lastSeq(node: string): number {
    return this.#db.one<{ seq: number }>(LAST_SEQ, node)?.seq ?? 0;
  }

  /**
   * Goes on after number `seq`, which a node's log has of this source though it is not known here: the storage is an
   * old copy. What is pending for that log has lower numbers, so the log has it. Inside the caller's transaction.
   */
  skipTo(node: string, seq: number): void {
    this.#db.run("DELETE FROM audit_outbox WHERE node = ?", node);
    this.#db.run("INSERT OR REPLACE INTO audit_sent (node, last_seq) VALUES (?, ?)", node, seq);
    this.#events = this.#count();
  }

  #count(): number {
    const row = this.#db.one<{ n: number | null }>("SELECT sum(last_seq - first_seq + 1) AS n FROM audit_outbox");
    return row?.n ?? 0;
  }
}

/** A log of the release before knows events as a list only, and stumbles over a text before it stores anything. */
async function append(log: Pick<AuditLogRpc, "append">, batch: AuditBatch): ReturnType<AuditLogRpc["append"]> {
  try {
    return await log.append(batch);
  } catch (error) {
    if (!(error instanceof TypeError) || typeof batch.events !== "string") throw error;
    return await log.append({ ...batch, events: storedJson<AuditEvent[]>(batch.events) });
  }
}

/** Number of the latest event for the log of node ?1. */
const LAST_SEQ = `SELECT coalesce(
  (SELECT last_seq FROM audit_outbox WHERE node = ?1 ORDER BY first_seq DESC LIMIT 1),
  (SELECT last_seq FROM audit_sent WHERE node = ?1), 0) AS seq`;
