/** The Directory's SQL on epochs: which one is in force, and how far the pools have come with it. */
import type { Database } from "../storage/database.ts";

export interface EpochRow {
  readonly epoch: number;
  readonly sinceMs: number;
  /** When it was told that this one lasts too long; null: not yet. */
  readonly overdueMs: number | null;
}

/** A pool that has to be told of the epoch in force. */
export interface LaggingPool {
  /** `poolName(pair, shard)`. */
  readonly pool: string;
  readonly attempts: number;
}

export class EpochTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Undefined before the first. */
  inForce(): EpochRow | undefined {
    const row = this.#db.one<{ epoch: number; since_ms: number; overdue_ms: number | null }>("SELECT * FROM epoch");
    return row === undefined ? undefined : { epoch: row.epoch, sinceMs: row.since_ms, overdueMs: row.overdue_ms };
  }

  /** Puts an epoch in force, newer than any before. All pools are to be told, at once. */
  enter(epoch: number, nowMs: number): void {
    this.#db.run("DELETE FROM epoch");
    this.#db.run("INSERT INTO epoch (epoch, since_ms) VALUES (?, ?)", epoch, nowMs);
    this.#db.run("UPDATE pool_epoch SET due_ms = ?, attempts = 0", nowMs);
  }

  noteOverdue(nowMs: number): void {
    this.#db.run("UPDATE epoch SET overdue_ms = ?", nowMs);
  }

  /** Makes a pool known, which may hold units of whatever epoch. One that is known stays as it is. */
  meet(pool: string, nowMs: number): void {
    this.#db.run("INSERT OR IGNORE INTO pool_epoch (pool, epoch, due_ms) VALUES (?, 0, ?)", pool, nowMs);
  }

  nextLagging(nowMs: number): LaggingPool | undefined {
    const sql = "SELECT pool, attempts FROM pool_epoch WHERE due_ms <= ? ORDER BY due_ms LIMIT 1";
    return this.#db.one<{ pool: string; attempts: number }>(sql, nowMs);
  }

  /** A pool holds nothing of an older epoch, and never will again. It is told no more unless a newer one came since. */
  confirm(pool: string, epoch: number): void {
    this.#db.run(
      `UPDATE pool_epoch SET epoch = ?2, attempts = 0, due_ms = CASE WHEN ?2 < (SELECT epoch FROM epoch) THEN due_ms END
       WHERE pool = ?1`,
      pool,
      epoch,
    );
  }

  postpone(pool: string, attempts: number, dueMs: number): void {
    this.#db.run("UPDATE pool_epoch SET attempts = ?, due_ms = ? WHERE pool = ?", attempts, dueMs, pool);
  }

  nextDueMs(): number | null {
    const sql = "SELECT min(due_ms) AS due FROM pool_epoch WHERE due_ms IS NOT NULL";
    return this.#db.one<{ due: number | null }>(sql)?.due ?? null;
  }

  /** The oldest epoch some pool may hold units of; null where no pool is known. */
  oldest(): number | null {
    return this.#db.one<{ epoch: number | null }>("SELECT min(epoch) AS epoch FROM pool_epoch")?.epoch ?? null;
  }

  lagging(limit: number): { readonly count: number; readonly first: readonly string[] } {
    const count = this.#db.one<{ n: number }>("SELECT count(*) AS n FROM pool_epoch WHERE due_ms IS NOT NULL")?.n ?? 0;
    const sql = "SELECT pool FROM pool_epoch WHERE due_ms IS NOT NULL ORDER BY pool LIMIT ?";
    return { count, first: this.#db.all<{ pool: string }>(sql, limit).map(({ pool }) => pool) };
  }
}
