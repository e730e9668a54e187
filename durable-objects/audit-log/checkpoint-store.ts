/** The SQL of a log's checkpoints, and where its chain begins. */
import type { AuditKey, Checkpoint } from "../../shared/audit/checkpoint.ts";
import { storedJson, type Database } from "../storage/database.ts";
import { Settings } from "../storage/settings.ts";

type Row = { text: string };

export class CheckpointStore {
  readonly #db: Database;
  readonly #settings: Settings;

  constructor(db: Database) {
    this.#db = db;
    this.#settings = new Settings(db);
  }

  /** Whose log it is. */
  named(name: string | undefined): string {
    return this.#settings.named(name);
  }

  newest(): Checkpoint | null {
    return this.#one("SELECT text FROM checkpoint ORDER BY number DESC LIMIT 1");
  }

  /** The newest that was made at `atMs` or before. */
  newestAt(atMs: number): Checkpoint | null {
    return this.#one("SELECT text FROM checkpoint WHERE at_ms <= ? ORDER BY number DESC LIMIT 1", atMs);
  }

  after(number: number, limit: number): Checkpoint[] {
    return this.#db
      .all<Row>("SELECT text FROM checkpoint WHERE number > ? ORDER BY number LIMIT ?", number, limit)
      .map(({ text }) => storedJson<Checkpoint>(text));
  }

  add(checkpoint: Checkpoint, atMs: number, key: AuditKey): void {
    const { number, index } = checkpoint;
    const sql = "INSERT INTO checkpoint (number, idx, at_ms, text) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, number, index, atMs, JSON.stringify(checkpoint));
    this.#db.run("INSERT OR IGNORE INTO signer (key, text) VALUES (?, ?)", key.key, JSON.stringify(key));
  }

  /** Bounded by how often the deployment's identity was changed. */
  keys(): AuditKey[] {
    return this.#db.all<Row>("SELECT text FROM signer ORDER BY key").map(({ text }) => storedJson<AuditKey>(text));
  }

  /** The chain goes on after this one; null: it begins with record 1. */
  start(): Checkpoint | null {
    const text = this.#settings.text("start");
    return text === undefined ? null : storedJson<Checkpoint>(text);
  }

  setStart(checkpoint: Checkpoint): void {
    this.#settings.put("start", JSON.stringify(checkpoint));
    this.#db.run("DELETE FROM checkpoint WHERE number < ?", checkpoint.number);
  }

  /** Has it been told that nothing is signed here? */
  get toldUnsigned(): boolean {
    return this.#settings.text("unsigned") === "1";
  }

  set toldUnsigned(told: boolean) {
    this.#settings.put("unsigned", told ? "1" : "0");
  }

  /** When records were last looked at for their age; 0: never. */
  get agesSeenMs(): number {
    return Number(this.#settings.text("ages_seen_ms") ?? 0);
  }

  set agesSeenMs(atMs: number) {
    this.#settings.put("ages_seen_ms", String(atMs));
  }

  #one(sql: string, ...params: readonly number[]): Checkpoint | null {
    const row = this.#db.one<Row>(sql, ...params);
    return row === undefined ? null : storedJson<Checkpoint>(row.text);
  }
}
