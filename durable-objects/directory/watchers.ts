/**
 * Objects that are told of every change of the network at once: those that let somebody stay for long, so that whoever is
 * revoked is out within a second, and nodes that relay, whose routes follow. One that does not answer is tried again,
 * later each time.
 */
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import { RETRY_MS, STUCK_ATTEMPTS } from "./errands.ts";

/** Table of those of one kind, and its column with their names. */
const WATCHER_TABLES = {
  tunnel: { table: "tunnel_hub", name: "site" },
  streams: { table: "stream_object", name: "name" },
  rooms: { table: "room", name: "name" },
  nodes: { table: "relay_node", name: "node" },
  ipsec: { table: "proxy_agent", name: "node" },
  monitor: { table: "monitor", name: "name" },
} as const;
export type WatcherKind = keyof typeof WATCHER_TABLES;

interface Behind {
  readonly name: string;
  readonly attempts: number;
}

export class Watchers {
  readonly #parts: DirectoryParts;
  readonly #db: Database;
  readonly #kind: WatcherKind;
  /** Tells one. It comes along by asking what it has to know. */
  readonly #refresh: (name: string) => Promise<void>;
  /** At this sequence nobody is behind: not to be looked for. */
  #settledAt = -1;

  constructor(parts: DirectoryParts, db: Database, kind: WatcherKind, refresh: (name: string) => Promise<void>) {
    this.#parts = parts;
    this.#db = db;
    this.#kind = kind;
    this.#refresh = refresh;
  }

  /** It has seen the network as of a sequence, and is to be told what comes after it. */
  saw(watcher: string, sequence: number): void {
    const { table, name } = WATCHER_TABLES[this.#kind];
    const known = this.#db.one(`SELECT 1 FROM ${table} WHERE ${name} = ? AND sequence = ?`, watcher, sequence);
    if (known !== undefined) return;
    this.#settledAt = -1;
    this.#db.run(`INSERT OR REPLACE INTO ${table} (${name}, sequence) VALUES (?, ?)`, watcher, sequence);
  }

  /** Nobody stays there any more. */
  forget(watcher: string): void {
    const { table, name } = WATCHER_TABLES[this.#kind];
    this.#db.run(`DELETE FROM ${table} WHERE ${name} = ?`, watcher);
  }

  /** Tells those that have not seen the network as it is, as many as may be at once. */
  async tell(): Promise<void> {
    const { table, name } = WATCHER_TABLES[this.#kind];
    const { store, nowMs } = this.#parts;
    const behind = this.#db.all<{ name: string; attempts: number }>(
      `SELECT ${name} AS name, attempts FROM ${table} WHERE sequence < ? AND due_ms <= ? ORDER BY due_ms LIMIT ?`,
      store.head().sequence,
      nowMs(),
      LIMITS.hubsToldAtOnce,
    );
    await Promise.all(behind.map(async (watcher) => await this.#tellOne(watcher)));
  }

  /** When there is somebody to tell. */
  nextMs(): number | null {
    const { sequence } = this.#parts.store.head();
    if (sequence === this.#settledAt) return null;
    const sql = `SELECT min(due_ms) AS due FROM ${WATCHER_TABLES[this.#kind].table} WHERE sequence < ?`;
    const due = this.#db.one<{ due: number | null }>(sql, sequence)?.due ?? null;
    if (due === null) this.#settledAt = sequence;
    return due;
  }

  async #tellOne({ name: watcher, attempts: before }: Behind): Promise<void> {
    const { store, nowMs } = this.#parts;
    try {
      await this.#refresh(watcher);
    } catch {
      const attempts = Math.min(before + 1, STUCK_ATTEMPTS);
      store.transaction(() => {
        this.#postpone(watcher, attempts, nowMs() + (RETRY_MS[attempts - 1] ?? RETRY_MS[0]));
        if (attempts < STUCK_ATTEMPTS || before >= STUCK_ATTEMPTS) return;
        const detail = { errand: this.#kind, what: watcher, code: "internal" };
        audit(this.#parts, { act: "directory.stuck", who: "system", detail });
      });
    }
  }

  #postpone(watcher: string, attempts: number, dueMs: number): void {
    const { table, name } = WATCHER_TABLES[this.#kind];
    this.#db.run(`UPDATE ${table} SET attempts = ?, due_ms = ? WHERE ${name} = ?`, attempts, dueMs, watcher);
  }
}
