/** All of the pool's SQL on key IDs of other KMSs. */
import type { Remembered } from "../../shared/etsi020/foreign-key.ts";
import type { KeyId, SaeId } from "../../shared/ids.ts";
import { type Database, storedJson } from "../storage/database.ts";

type Row = {
  id: string;
  initiator: string;
  targets: string;
  voided: string;
  record: number | null;
  position: number | null;
  fingerprint: ArrayBuffer | null;
  expires_ms: number;
  forget_ms: number;
};

export interface ForeignKey extends Remembered {
  readonly id: KeyId;
  /** Null: no key ever came. The record may be gone. */
  readonly key: { readonly record: number; readonly position: number; readonly fingerprint: Uint8Array } | null;
  readonly forgetMs: number;
}

export class ForeignStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Those that are known, by ID. */
  find(ids: readonly KeyId[]): Map<KeyId, ForeignKey> {
    const sql = "SELECT f.* FROM json_each(?) AS asked JOIN foreign_key AS f ON f.id = asked.value";
    return new Map(this.#db.all<Row>(sql, JSON.stringify(ids)).map((row) => [row.id as KeyId, toForeignKey(row)]));
  }

  /** Of an initiator, those of which a key came, by ID. */
  ofInitiator(initiator: SaeId, after: KeyId | null, limit: number): ForeignKey[] {
    const sql = `SELECT * FROM foreign_key WHERE initiator = ? AND id > ? AND record IS NOT NULL ORDER BY id LIMIT ?`;
    return this.#db.all<Row>(sql, initiator, after ?? "", limit).map((row) => toForeignKey(row));
  }

  put({ id, initiator, targets, voided, key, expiresMs, forgetMs }: ForeignKey): void {
    this.#db.run(
      `INSERT OR REPLACE INTO foreign_key
         (id, initiator, targets, voided, record, position, fingerprint, expires_ms, forget_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      initiator,
      JSON.stringify(targets),
      JSON.stringify(voided),
      key?.record ?? null,
      key?.position ?? null,
      key?.fingerprint ?? null,
      expiresMs,
      forgetMs,
    );
  }

  /** What need not be remembered any longer. @returns how many are left */
  forget(nowMs: number): number {
    this.#db.run("DELETE FROM foreign_key WHERE forget_ms <= ?", nowMs);
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM foreign_key")?.n ?? 0;
  }
}

const toForeignKey = (row: Row): ForeignKey => ({
  id: row.id as KeyId,
  initiator: row.initiator as SaeId,
  targets: storedJson<SaeId[]>(row.targets),
  voided: storedJson<SaeId[]>(row.voided),
  key:
    row.record === null || row.position === null || row.fingerprint === null
      ? null
      : { record: row.record, position: row.position, fingerprint: new Uint8Array(row.fingerprint) },
  expiresMs: row.expires_ms,
  forgetMs: row.forget_ms,
});
