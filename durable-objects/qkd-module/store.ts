/**
 * The object's SQL but its outbox's, its alarms' and its settings'. Entries that hold key material are sealed under the epoch in force, and sealed anew in the next one:
 * what lies in an epoch whose key is gone cannot be read, and counts as lost.
 */
import { HEAD_ENTRY, type ModuleStore } from "../../shared/qkd-module/stored.ts";
import { type SealedUnit, Vault } from "../storage/vault.ts";
import type { Database } from "../storage/database.ts";
import type { EpochKeys } from "../storage/epoch-keys.ts";

type Row = { name: string; epoch: number; wrapped_key: ArrayBuffer; value: ArrayBuffer };

const unitOf = (row: Row): SealedUnit => ({
  epoch: row.epoch,
  wrappedKey: new Uint8Array(row.wrapped_key),
  sealed: new Uint8Array(row.value),
});

/** Sealed in none. */
const OPEN_EPOCH = 0;

export class QkdModuleStore implements ModuleStore {
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

  /** Epochs that entries are sealed in. */
  epochs(): readonly number[] {
    const sql = "SELECT DISTINCT epoch FROM entry WHERE epoch != ?";
    return this.#db.all<{ epoch: number }>(sql, OPEN_EPOCH).map(({ epoch }) => epoch);
  }

  names(): readonly string[] {
    return this.#db.all<{ name: string }>("SELECT name FROM entry ORDER BY name").map(({ name }) => name);
  }

  read(name: string): Uint8Array | null {
    const row = this.#db.one<Row>("SELECT * FROM entry WHERE name = ?", name);
    if (row === undefined) return null;
    if (row.epoch === OPEN_EPOCH) return new Uint8Array(row.value);
    return this.#keys.has(row.epoch) ? this.#vault.open(unitOf(row)) : null;
  }

  write(changes: ReadonlyMap<string, Uint8Array | null>): void {
    this.#db.transaction(() => {
      for (const [name, bytes] of changes) {
        if (bytes === null) this.#db.run("DELETE FROM entry WHERE name = ?", name);
        else if (name === HEAD_ENTRY)
          this.#put(name, { epoch: OPEN_EPOCH, wrappedKey: new Uint8Array(), sealed: bytes });
        else this.#put(name, this.#vault.seal(bytes));
      }
    });
  }

  /** The same store for one core, for as long as it is the one in charge. */
  while(isInCharge: () => boolean): ModuleStore {
    return {
      names: () => this.names(),
      read: (name) => this.read(name),
      write: (changes) => {
        if (!isInCharge()) throw new Error("another core has taken over");
        this.write(changes);
      },
    };
  }

  /** Brings everything over to the epoch in force. */
  renew(): void {
    this.#db.transaction(() => {
      for (const row of this.#db.all<Row>(
        "SELECT * FROM entry WHERE epoch NOT IN (?, ?)",
        OPEN_EPOCH,
        this.#keys.current,
      )) {
        if (this.#keys.has(row.epoch)) this.#put(row.name, this.#vault.current(unitOf(row)));
        else this.#db.run("DELETE FROM entry WHERE name = ?", row.name);
      }
    });
  }

  /** All key material goes; numbers of blocks and figures stay, so that no number comes again. */
  forgetKeys(): void {
    this.#db.run("DELETE FROM entry WHERE name != ?", HEAD_ENTRY);
  }

  #put(name: string, { epoch, wrappedKey, sealed }: SealedUnit): void {
    const sql = "INSERT OR REPLACE INTO entry (name, epoch, wrapped_key, value) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, name, epoch, wrappedKey, sealed);
  }
}
