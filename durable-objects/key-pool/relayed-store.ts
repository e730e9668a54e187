/**
 * All of the pool's SQL on the ways that relayed key came: a row a block. A trigger forgets those of blocks that have
 * no unit left.
 */
import type { RelayedBy, RelayId } from "../../shared/relay/types.ts";
import { hopsOf } from "../../shared/keypool/relayed-block.ts";
import type { RelayStatus } from "../../shared/keypool/types.ts";
import { type Database, storedJson } from "../storage/database.ts";

type Row = { relay: string; paths: string };

export class RelayedStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  put(block: number, relayed: RelayedBy): void {
    const sql = "INSERT OR REPLACE INTO block_relay (block, relay, hops, paths) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, block, relayed.relay, hopsOf(relayed), JSON.stringify(relayed.paths));
  }

  of(block: number): RelayedBy | undefined {
    const row = this.#db.one<Row>("SELECT relay, paths FROM block_relay WHERE block = ?", block);
    return row === undefined ? undefined : toRelayed(row);
  }

  hopsOf(block: number): number | undefined {
    return this.#db.one<{ hops: number }>("SELECT hops FROM block_relay WHERE block = ?", block)?.hops;
  }

  /** Of the block that came last. */
  last(): RelayedBy | undefined {
    const row = this.#db.one<Row>("SELECT relay, paths FROM block_relay ORDER BY block DESC LIMIT 1");
    return row === undefined ? undefined : toRelayed(row);
  }

  hops(): RelayStatus["hops"] {
    // Two looks at the index, however many blocks there are.
    const sql = "SELECT (SELECT min(hops) FROM block_relay) AS min, (SELECT max(hops) FROM block_relay) AS max";
    const found = this.#db.one<{ min: number | null; max: number | null }>(sql);
    return found?.min == null || found.max === null ? null : { min: found.min, max: found.max };
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was put
const toRelayed = ({ relay, paths }: Row): RelayedBy => ({ relay: relay as RelayId, paths: storedJson(paths) });
