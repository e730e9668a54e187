/** The Directory's SQL on pools: every pool that ever held key material, and the lease it works under. */
import type { Lease } from "../../shared/network/directory-types.ts";
import type { Database } from "../storage/database.ts";

/** A KeyPool object as the Directory knows it. */
export interface PoolRow {
  /** `poolName(pair, shard)`. */
  readonly name: string;
  /** Granted last. */
  readonly lease: Lease;
  /** How often the pool has voided all it had, plus one. */
  readonly generation: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

type Row = {
  name: string;
  sequence: number;
  lease: string;
  generation: number;
  first_ms: number;
  last_ms: number;
};

export class PoolStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  pool(name: string): PoolRow | undefined {
    const row = this.#db.one<Row>("SELECT * FROM pools WHERE name = ?", name);
    return row === undefined ? undefined : toPool(row);
  }

  putPool({ name, lease, generation, firstMs, lastMs }: PoolRow): void {
    this.#db.run(
      "INSERT OR REPLACE INTO pools (name, sequence, lease, generation, first_ms, last_ms) VALUES (?, ?, ?, ?, ?, ?)",
      name,
      lease.sequence,
      lease.id,
      generation,
      firstMs,
      lastMs,
    );
  }
}

const toPool = (row: Row): PoolRow => ({
  name: row.name,
  lease: { sequence: row.sequence, id: row.lease },
  generation: row.generation,
  firstMs: row.first_ms,
  lastMs: row.last_ms,
});
