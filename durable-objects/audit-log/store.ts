/** All of the audit log's SQL. */
import { canonicalJson } from "../../shared/audit/canonical-json.ts";
import { CHAIN_START, chainHash } from "../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import { storedJson, type Database } from "../storage/database.ts";

type Row = {
  idx: number;
  source: string;
  seq: number;
  at_ms: number;
  act: string;
  who: string;
  node: string;
  detail: string;
  hash: string;
};

export class AuditStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** Highest number stored of a source; 0 before the first. */
  lastSeq(source: string): number {
    return this.#db.one<{ last_seq: number }>("SELECT last_seq FROM sources WHERE source = ?", source)?.last_seq ?? 0;
  }

  setLastSeq(source: string, seq: number): void {
    this.#db.run("INSERT OR REPLACE INTO sources (source, last_seq) VALUES (?, ?)", source, seq);
  }

  /** Chains one more record. */
  append(source: string, seq: number, event: AuditEvent): void {
    const last = this.#db.one<{ idx: number; hash: string }>("SELECT idx, hash FROM records ORDER BY idx DESC LIMIT 1");
    const { atMs, act, who, node, detail } = event;
    const record = { index: (last?.idx ?? 0) + 1, source, seq, atMs, act, who, node, detail };
    this.#db.run(
      "INSERT INTO records (idx, source, seq, at_ms, act, who, node, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record.index,
      source,
      seq,
      atMs,
      act,
      who,
      node,
      JSON.stringify(detail),
      chainHash(last?.hash ?? CHAIN_START, record),
    );
  }

  /** Is this very event stored under this number? */
  has(source: string, seq: number, event: AuditEvent): boolean {
    const sql = "SELECT * FROM records WHERE source = ? AND seq = ? ORDER BY idx DESC LIMIT ?";
    const wanted = canonicalJson(event);
    return this.#db.all<Row>(sql, source, seq, SAME_SEQ_ROWS).some((row) => canonicalJson(eventOf(row)) === wanted);
  }

  /** Records after an index, oldest first. */
  after(index: number, limit: number): AuditRecord[] {
    return this.#db
      .all<Row>("SELECT * FROM records WHERE idx > ? ORDER BY idx LIMIT ?", index, limit)
      .map((row) => ({ ...eventOf(row), index: row.idx, source: row.source, seq: row.seq, hash: row.hash }));
  }
}

/** Rows of one number looked at: one, unless its source was rolled back. */
const SAME_SEQ_ROWS = 16;

function eventOf({ at_ms: atMs, act, who, node, detail }: Row): AuditEvent {
  return { atMs, act, who, node, detail: storedJson<AuditEvent["detail"]>(detail) };
}
