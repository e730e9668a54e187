/** All of the audit log's SQL. */
import { canonicalJson } from "../../shared/audit/canonical-json.ts";
import { CHAIN_START } from "../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { storedJson, type Database } from "../storage/database.ts";
import { type Head, headOf, type Numbered, recordsOf, runsOf } from "./runs.ts";

/** One record by itself, as code of schema 1 writes them. */
type RecordRow = {
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

type RunRow = {
  last_index: number;
  source: string;
  first_seq: number;
  hashes: ArrayBuffer;
  checks: ArrayBuffer;
  texts: string;
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

  /** Chains more records of a source. @returns the end of the chain then */
  append(source: string, numbered: readonly Numbered[]): Head {
    let head = this.head();
    if (numbered.length === 0) return head;
    for (const run of runsOf(head, source, numbered, LIMITS)) {
      this.#db.run(
        `INSERT INTO runs (last_index, source, first_seq, last_seq, hashes, checks, texts)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        run.lastIndex,
        source,
        run.firstSeq,
        run.lastSeq,
        run.hashes,
        run.checks,
        run.texts,
      );
      head = headOf(run);
    }
    this.#markEnd(head);
    return head;
  }

  /** For code of schema 1: see schema.ts. */
  #markEnd({ index, hash }: Head): void {
    this.#db.run("DELETE FROM records WHERE source = ?", NO_SOURCE);
    this.#db.run(
      `INSERT INTO records (idx, source, seq, at_ms, act, who, node, detail, hash)
       VALUES (?, ?, 0, 0, 'audit.run', 'system', '', '{}', ?)`,
      index,
      NO_SOURCE,
      hash,
    );
  }

  /** The end of the chain. */
  head(): Head {
    const run = this.#db.one<{ last_index: number; hash: ArrayBuffer }>(
      "SELECT last_index, substr(hashes, -32) AS hash FROM runs ORDER BY last_index DESC LIMIT 1",
    );
    const record = this.#db.one<Head>("SELECT idx AS 'index', hash FROM records ORDER BY idx DESC LIMIT 1");
    if (run === undefined || (record?.index ?? 0) > run.last_index) return record ?? { index: 0, hash: CHAIN_START };
    return headOf({ lastIndex: run.last_index, hashes: new Uint8Array(run.hash) });
  }

  /** Those of some numbered events that are not stored so: their numbers were used for others. */
  changed(source: string, repeats: readonly Numbered[]): Numbered[] {
    const missing = new Map(repeats.map((one) => [keyOf(one.seq, one.event), one]));
    const from = repeats[0]?.seq ?? 0;
    const to = repeats.at(-1)?.seq ?? 0;
    for (const records of this.#holding(source, from, to)) {
      for (const record of records) missing.delete(keyOf(record.seq, record));
      if (missing.size === 0) break;
    }
    return [...missing.values()];
  }

  /** Records of a source around these numbers, a row at a time and the newest first. */
  *#holding(source: string, from: number, to: number): Generator<AuditRecord[]> {
    const runs = this.#db.all<{ last_index: number }>(
      `SELECT last_index FROM runs WHERE source = ? AND first_seq > ? AND first_seq <= ? AND last_seq >= ?
       ORDER BY last_index DESC LIMIT ?`,
      source,
      from - LIMITS.auditBatchEvents,
      to,
      from,
      ROWS_COMPARED,
    );
    for (const { last_index: lastIndex } of runs) yield this.#row(lastIndex);
    const records = "SELECT * FROM records WHERE source = ? AND seq BETWEEN ? AND ? ORDER BY idx DESC LIMIT ?";
    yield this.#db.all<RecordRow>(records, source, from, to, ROWS_COMPARED).map(recordOfRow);
  }

  /** Records after an index, oldest first. */
  after(index: number, limit: number): AuditRecord[] {
    const lone = this.#db
      .all<RecordRow>(
        "SELECT * FROM records WHERE idx > ? AND source != ? ORDER BY idx LIMIT ?",
        index,
        NO_SOURCE,
        limit,
      )
      .map(recordOfRow);
    const records: AuditRecord[] = [];
    let last = index;
    while (records.length < limit) {
      const row = this.#db.one<RunRow>("SELECT * FROM runs WHERE last_index > ? ORDER BY last_index LIMIT 1", last);
      if (row === undefined) break;
      const from = last;
      records.push(...recordsOfRow(row).filter((record) => record.index > from));
      last = row.last_index;
    }
    return [...lone, ...records].sort((a, b) => a.index - b.index).slice(0, limit);
  }

  /** A page of one source's records with numbers above `afterSeq`, in order of their rows' first numbers. */
  ofSource(
    source: string,
    afterSeq: number,
    after = { seq: afterSeq - LIMITS.auditBatchEvents, index: 0 },
  ): { records: AuditRecord[]; next: { seq: number; index: number } | null } {
    const rows = this.#db.all<{ seq: number; index: number }>(
      `SELECT first_seq AS seq, last_index AS 'index' FROM runs WHERE source = ?1 AND (first_seq, last_index) > (?2, ?3)
       UNION ALL SELECT seq, idx FROM records WHERE source = ?1 AND (seq, idx) > (?2, ?3)
       ORDER BY 1, 2 LIMIT ?4`,
      source,
      after.seq,
      after.index,
      ROWS_A_PAGE,
    );
    return {
      records: rows.flatMap(({ index }) => this.#row(index)).filter(({ seq }) => seq > afterSeq),
      next: rows.length === ROWS_A_PAGE ? (rows.at(-1) ?? null) : null,
    };
  }

  /** Do any of the records after `from`, up to `to`, come from another source than this one? */
  hasOthers(from: number, to: number, source: string): boolean {
    const sql = `SELECT 1 FROM runs WHERE last_index > ?1 AND last_index <= ?2 AND source != ?3
      UNION ALL SELECT 1 FROM records WHERE idx > ?1 AND idx <= ?2 AND source NOT IN (?3, ?4) LIMIT 1`;
    return this.#db.one(sql, from, to, source, NO_SOURCE) !== undefined;
  }

  /** Drops rows of records up to an index, where a row ends. @returns whether there may be more of them */
  drop(to: number, rows: number): boolean {
    let dropped = 0;
    for (const [table, column] of [
      ["runs", "last_index"],
      ["records", "idx"],
    ] as const) {
      const which = `SELECT ${column} FROM ${table} WHERE ${column} <= ?1 AND source != ?2 LIMIT ?3`;
      dropped += this.#db.run(`DELETE FROM ${table} WHERE ${column} IN (${which})`, to, NO_SOURCE, rows);
    }
    return dropped > 0;
  }

  /** The records of the row that ends with this index. */
  #row(lastIndex: number): AuditRecord[] {
    const runs = this.#db.all<RunRow>("SELECT * FROM runs WHERE last_index = ?", lastIndex);
    if (runs.length > 0) return runs.flatMap(recordsOfRow);
    return this.#db.all<RecordRow>("SELECT * FROM records WHERE idx = ?", lastIndex).map(recordOfRow);
  }
}

/** Of the row of records that is none. */
const NO_SOURCE = "";

/** Of at most LIMITS.auditBatchEvents records each. */
const ROWS_A_PAGE = 8;

/** Twice what one batch can lie in: more there are only when its source was rolled back time and again. */
const ROWS_COMPARED = 2 * LIMITS.auditBatchEvents;

const recordsOfRow = (row: RunRow): AuditRecord[] =>
  recordsOf({
    lastIndex: row.last_index,
    source: row.source,
    firstSeq: row.first_seq,
    hashes: new Uint8Array(row.hashes),
    checks: new Uint8Array(row.checks),
    texts: row.texts,
  });

const recordOfRow = ({ idx: index, at_ms: atMs, detail, ...row }: RecordRow): AuditRecord => ({
  ...row,
  index,
  atMs,
  detail: storedJson<AuditEvent["detail"]>(detail),
});

const keyOf = (seq: number, { atMs, act, who, node, detail }: AuditEvent): string =>
  `${seq} ${canonicalJson({ atMs, act, who, node, detail })}`;
