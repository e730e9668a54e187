/** All of the object's SQL but its outbox's and its settings'. */
import type { Database } from "../storage/database.ts";
import type { EpochKeys } from "../storage/epoch-keys.ts";
import { type SealedUnit, Vault } from "../storage/vault.ts";

/** `begun` by an SAE here, or `come` for one. */
export type Kind = "begun" | "come";

/** What says whose a key is. */
export interface Ownership {
  readonly kind: Kind;
  /** Through whom it went, or came. */
  readonly neighbour: string;
  readonly master: string;
  readonly slave: string;
}

export interface KeptKey extends Ownership {
  readonly id: string;
  readonly expiresMs: number;
  /** Null: fetched, or taken back. */
  readonly unit: SealedUnit | null;
}

type Row = {
  key_id: string;
  kind: Kind;
  neighbour: string;
  master: string;
  slave: string;
  expires_ms: number;
  epoch: number | null;
  wrapped_key: ArrayBuffer | null;
  sealed: ArrayBuffer | null;
};

const unitOf = ({ epoch, wrapped_key: wrapped, sealed }: Row): SealedUnit | null =>
  epoch === null || wrapped === null || sealed === null
    ? null
    : { epoch, wrappedKey: new Uint8Array(wrapped), sealed: new Uint8Array(sealed) };

export class LegacyStore {
  readonly #db: Database;
  readonly #keys: EpochKeys;
  readonly #vault: Vault;

  constructor(db: Database, keys: EpochKeys) {
    this.#db = db;
    this.#keys = keys;
    this.#vault = new Vault(keys);
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** IDs that are remembered, of keys that are gone too. */
  count(): number {
    return this.#db.one<{ n: number }>("SELECT COUNT(*) AS n FROM kept_key")?.n ?? 0;
  }

  nextExpiryMs(): number | null {
    return this.#db.one<{ ms: number | null }>("SELECT MIN(expires_ms) AS ms FROM kept_key")?.ms ?? null;
  }

  /** Epochs that keys are sealed in. */
  epochs(): readonly number[] {
    const sql = "SELECT DISTINCT epoch FROM kept_key WHERE epoch IS NOT NULL";
    return this.#db.all<{ epoch: number }>(sql).map(({ epoch }) => epoch);
  }

  find(id: string): KeptKey | null {
    const row = this.#db.one<Row>("SELECT * FROM kept_key WHERE key_id = ?", id);
    if (row === undefined) return null;
    const { kind, neighbour, master, slave, expires_ms: expiresMs } = row;
    return { id, kind, neighbour, master, slave, expiresMs, unit: unitOf(row) };
  }

  /** @param id not known yet */
  keep(id: string, key: Uint8Array, { kind, neighbour, master, slave }: Ownership, expiresMs: number): void {
    const { epoch, wrappedKey, sealed } = this.#vault.seal(key);
    this.#db.run(
      "INSERT INTO kept_key (key_id, kind, neighbour, master, slave, expires_ms, epoch, wrapped_key, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      id,
      kind,
      neighbour,
      master,
      slave,
      expiresMs,
      epoch,
      wrappedKey,
      sealed,
    );
  }

  /** Null where the key is gone, or what it was sealed under. */
  open({ unit }: KeptKey): Uint8Array | null {
    return unit !== null && this.#keys.has(unit.epoch) ? this.#vault.open(unit) : null;
  }

  /** The ID stays. */
  erase(id: string): void {
    this.#db.run("UPDATE kept_key SET epoch = NULL, wrapped_key = NULL, sealed = NULL WHERE key_id = ?", id);
  }

  /** All key material goes, and what would let a key in again stays. */
  eraseAll(): void {
    this.#db.run("UPDATE kept_key SET epoch = NULL, wrapped_key = NULL, sealed = NULL");
  }

  expire(nowMs: number): void {
    this.#db.run("DELETE FROM kept_key WHERE expires_ms <= ?", nowMs);
  }

  /** Brings everything over to the epoch in force; what cannot be opened any more is gone. */
  renew(): void {
    const old = this.#db.all<Row>("SELECT * FROM kept_key WHERE epoch IS NOT NULL AND epoch != ?", this.#keys.current);
    for (const row of old) {
      const unit = unitOf(row);
      if (unit === null || !this.#keys.has(unit.epoch)) {
        this.erase(row.key_id);
        continue;
      }
      const { epoch, wrappedKey, sealed } = this.#vault.current(unit);
      const sql = "UPDATE kept_key SET epoch = ?, wrapped_key = ?, sealed = ? WHERE key_id = ?";
      this.#db.run(sql, epoch, wrappedKey, sealed, row.key_id);
    }
  }
}
