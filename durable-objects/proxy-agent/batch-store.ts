/** SQL of batches: what one call asked for, and what became of it, for a while. */
import type { EntryKind } from "../../shared/ipsec/errand.ts";
import type { EntryReport } from "../../shared/ipsec/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Database, storedJson } from "../storage/database.ts";

export interface BatchEntry {
  readonly position: number;
  readonly kind: EntryKind | null;
  readonly name: string | null;
  /** Whose outcome is waited for, where there is no report yet. */
  readonly entry: number | null;
  readonly report: EntryReport | null;
}

/** Who waits for an outcome. */
export interface Place {
  readonly batch: string;
  readonly position: number;
}

type Row = {
  position: number;
  kind: EntryKind | null;
  name: string | null;
  entry: number | null;
  report: string | null;
};

export class BatchStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(id: string, nowMs: number): void {
    this.#db.run("INSERT INTO batch (id, made_ms) VALUES (?, ?)", id, nowMs);
    this.#forget("WHERE made_ms <= ?", nowMs - LIMITS.ipsecBatchMs);
    this.#forget("ORDER BY made_ms DESC, id LIMIT -1 OFFSET ?", LIMITS.ipsecBatches);
  }

  addEntry(batch: string, { position, kind, name, entry, report }: BatchEntry): void {
    this.#db.run(
      "INSERT INTO batch_entry (batch, position, kind, name, entry, report) VALUES (?, ?, ?, ?, ?, ?)",
      batch,
      position,
      kind,
      name,
      entry,
      report === null ? null : JSON.stringify(report),
    );
  }

  /** All who wait for what becomes of an entry are told. */
  settleEntry(entry: number, report: EntryReport): void {
    const sql = "UPDATE batch_entry SET report = ? WHERE entry = ? AND report IS NULL";
    this.#db.run(sql, JSON.stringify(report), entry);
  }

  settlePlace({ batch, position }: Place, report: EntryReport): void {
    const sql = "UPDATE batch_entry SET report = ? WHERE batch = ? AND position = ? AND report IS NULL";
    this.#db.run(sql, JSON.stringify(report), batch, position);
  }

  isOpen(batch: string): boolean {
    const sql = "SELECT 1 FROM batch_entry WHERE batch = ? AND report IS NULL LIMIT 1";
    return this.#db.one(sql, batch) !== undefined;
  }

  /** Null: there is none, or it was long ago. */
  entries(batch: string): readonly BatchEntry[] | null {
    if (this.#db.one("SELECT 1 FROM batch WHERE id = ?", batch) === undefined) return null;
    const sql = "SELECT position, kind, name, entry, report FROM batch_entry WHERE batch = ? ORDER BY position";
    return this.#db.all<Row>(sql, batch).map((row) => ({
      ...row,
      report: row.report === null ? null : storedJson<EntryReport>(row.report),
    }));
  }

  #forget(which: string, limit: number): void {
    this.#db.run(`DELETE FROM batch_entry WHERE batch IN (SELECT id FROM batch ${which})`, limit);
    this.#db.run(`DELETE FROM batch WHERE id IN (SELECT id FROM batch ${which})`, limit);
  }
}
