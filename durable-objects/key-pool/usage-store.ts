/** All of the pool's SQL on who has had how much of it. */
import type { Usage } from "../../shared/keypool/quota.ts";
import type { Database } from "../storage/database.ts";
import { keysLeft } from "./left.ts";
import type { KeyRecord } from "./rows.ts";

type Row = { day: number; keys_today: number; pending_bits: number };
type HeldRow = {
  id: number;
  master: string;
  keys: number;
  size_bytes: number;
  imported: number;
  recipients: number;
  left: ArrayBuffer;
};

/** Bits of a record that wait for a slave. Keys of other pools' making take nothing of this one's. */
export function heldBits(record: KeyRecord): number {
  if (record.imported) return 0;
  return keysLeft(record.left, record.recipients.length, record.keys) * record.sizeBytes * 8;
}

export class UsageStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(sae: string): Usage | undefined {
    const row = this.#db.one<Row>("SELECT day, keys_today, pending_bits FROM usage WHERE sae = ?", sae);
    return row === undefined ? undefined : { day: row.day, keysToday: row.keys_today, pendingBits: row.pending_bits };
  }

  put(sae: string, { day, keysToday, pendingBits }: Usage): void {
    const sql = "INSERT OR REPLACE INTO usage (sae, day, keys_today, pending_bits) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, sae, day, keysToday, pendingBits);
  }

  /** What masters hold by the key records after `id`. */
  held(id: number, limit: number): { readonly id: number; readonly master: string; readonly bits: number }[] {
    const sql = `SELECT id, master, keys, size_bytes, imported, json_array_length(recipients) AS recipients, left
      FROM key_record WHERE id > ? ORDER BY id LIMIT ?`;
    return this.#db.all<HeldRow>(sql, id, limit).map((row) => {
      const keys = row.imported === 1 ? 0 : keysLeft(new Uint8Array(row.left), row.recipients, row.keys);
      return { id: row.id, master: row.master, bits: keys * row.size_bytes * 8 };
    });
  }

  pendingBits(): number {
    return this.#db.one<{ bits: number | null }>("SELECT sum(pending_bits) AS bits FROM usage")?.bits ?? 0;
  }

  /** Of everybody; their keys of the day stay. */
  forgetPending(): void {
    this.#db.run("UPDATE usage SET pending_bits = 0 WHERE pending_bits != 0");
  }

  clear(): void {
    this.#db.run("DELETE FROM usage");
  }
}
