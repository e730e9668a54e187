/** The Directory's SQL on pools: every pool that ever held key material, and the lease it works under. */
import type { PairName } from "../../shared/ids.ts";
import { FIRST_RELAY_SHARD } from "../../shared/keypool/relay-shard.ts";
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

/** Where a walk over pools has come to. */
export interface PoolPlace {
  /** `poolName(pair, shard)`. */
  readonly name: string;
  readonly pair: PairName;
  readonly shard: number;
}

/** Begins a walk over pools; and goes on with it behind a pool: no name lies between the two. */
export const FIRST_POOL = "";
export const behind = (name: string): string => `${name} `;

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

  /**
   * Pools in the order of their names, from one on.
   * @param node of whom; null: of all
   */
  poolsFrom(node: string | null, from: string, limit: number): readonly PoolPlace[] {
    const rows =
      node === null
        ? this.#db.all<{ name: string }>("SELECT name FROM pools WHERE name >= ? ORDER BY name LIMIT ?", from, limit)
        : this.#db.all<{ name: string }>(
            POOLS_OF_NODE,
            `${node}|`,
            `${node}}`,
            from,
            `${node}#`,
            `${node}$`,
            from,
            limit,
          );
    return rows.map(({ name }) => placeOf(name));
  }

  /** Likewise, those of relay shards only. */
  relayPoolsFrom(from: string, limit: number): readonly PoolPlace[] {
    const rows = this.#db.all<{ name: string }>(RELAY_POOLS, from, FIRST_RELAY_SHARD, limit);
    return rows.map(({ name }) => placeOf(name));
  }
}

/** By the lower node, then by the higher: `}` follows `|`, and `$` follows `#`, and no id of a node has one of the four. */
const POOLS_OF_NODE = `
  SELECT name FROM pools WHERE name >= ? AND name < ? AND name >= ?
  UNION
  SELECT name FROM pools WHERE substr(name, instr(name, '|') + 1) >= ? AND substr(name, instr(name, '|') + 1) < ?
    AND name >= ?
  ORDER BY name LIMIT ?`;

const RELAY_POOLS = `
  SELECT name FROM pools WHERE name >= ? AND CAST(substr(name, instr(name, '#') + 1) AS INTEGER) >= ?
  ORDER BY name LIMIT ?`;

function placeOf(name: string): PoolPlace {
  const [pair, shard] = name.split("#");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only names of pools are written
  return { name, pair: pair as PairName, shard: Number(shard) };
}

const toPool = (row: Row): PoolRow => ({
  name: row.name,
  lease: { sequence: row.sequence, id: row.lease },
  generation: row.generation,
  firstMs: row.first_ms,
  lastMs: row.last_ms,
});
