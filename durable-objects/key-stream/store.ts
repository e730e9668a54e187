/** Where streams are: all the SQL of a KeyStream object. */
import type { Ksid } from "../../shared/etsi004/types.ts";
import type { PairName, SaeId } from "../../shared/ids.ts";
import type { Database } from "../storage/database.ts";

/** A stream's pool. */
export interface Place {
  readonly pair: PairName;
  readonly shard: number;
}

export interface StreamRow extends Place {
  readonly ksid: Ksid;
  readonly sae: SaeId;
}

type Row = { ksid: Ksid; pair: PairName; shard: number; sae: SaeId };

export class StreamStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  put({ ksid, pair, shard, sae }: StreamRow, lookMs: number): void {
    const sql = "INSERT OR REPLACE INTO stream (ksid, pair, shard, sae, look_ms) VALUES (?, ?, ?, ?, ?)";
    this.#db.run(sql, ksid, pair, shard, sae, lookMs);
  }

  get(ksid: Ksid): StreamRow | undefined {
    return this.#db.one<Row>("SELECT ksid, pair, shard, sae FROM stream WHERE ksid = ?", ksid);
  }

  drop(ksid: Ksid): void {
    this.#db.run("DELETE FROM stream WHERE ksid = ?", ksid);
  }

  lookAgain(ksid: Ksid, lookMs: number): void {
    this.#db.run("UPDATE stream SET look_ms = ? WHERE ksid = ?", lookMs, ksid);
  }

  due(nowMs: number, limit: number): StreamRow[] {
    const sql = "SELECT ksid, pair, shard, sae FROM stream WHERE look_ms <= ? ORDER BY look_ms LIMIT ?";
    return this.#db.all<Row>(sql, nowMs, limit);
  }

  nextLookMs(): number | null {
    return this.#db.one<{ next: number | null }>("SELECT min(look_ms) AS next FROM stream")?.next ?? null;
  }
}
