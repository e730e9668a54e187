/** All of the SQL on the two logs of a pool's halves: what this half tells, and how far it has got with what it was told. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { HalfAnswer, HalfMessage, NumberedMessage } from "../../shared/keypool/half.ts";
import { type Database, storedJson } from "../storage/database.ts";

type StateRow = { generation: number; next_seq: number; their_generation: number; applied: number };
type LogSqlRow = { seq: number; record: number | null; message: string };

/** A message that is not settled: the other half has not answered it, or the answer was not acted on. */
export interface LogRow extends NumberedMessage {
  /** The key record it is about, of an announcement. */
  readonly record: number | null;
}

export class HalfLog {
  readonly #db: Database;
  readonly #currentGeneration: () => number;

  /** @param currentGeneration higher than any before as soon as the pool has voided all it had */
  constructor(db: Database, currentGeneration: () => number) {
    this.#db = db;
    this.#currentGeneration = currentGeneration;
  }

  // ---- what this half tells

  get generation(): number {
    return this.#state().generation;
  }

  get lastSeq(): number {
    return this.#state().next_seq - 1;
  }

  /** Everything up to this message is settled. */
  get settled(): number {
    return (this.#lowest() ?? this.#state().next_seq) - 1;
  }

  get isEmpty(): boolean {
    return this.#lowest() === null;
  }

  /** From the oldest message that is not settled to the newest. */
  get length(): number {
    return this.lastSeq - this.settled;
  }

  /** @returns the message's number */
  append(message: HalfMessage, record: number | null = null): number {
    this.renew();
    const seq = this.lastSeq + 1;
    this.#db.run("UPDATE half SET next_seq = ?", seq + 1);
    const sql = "INSERT INTO half_log (seq, kind, record, message) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, seq, message.kind, record, JSON.stringify(message));
    return seq;
  }

  /** The next messages after `seq`, in order; of `maxBytes` together, but one at least. */
  after(seq: number, maxMessages: number, maxBytes: number): LogRow[] {
    const sql = "SELECT seq, record, message FROM half_log WHERE seq > ? ORDER BY seq LIMIT ?";
    const rows: LogRow[] = [];
    let bytes = 0;
    for (const row of this.#db.all<LogSqlRow>(sql, seq, maxMessages)) {
      bytes += row.message.length;
      if (rows.length > 0 && bytes > maxBytes) break;
      rows.push({ seq: row.seq, record: row.record, message: storedJson<HalfMessage>(row.message) });
    }
    return rows;
  }

  hasAfter(seq: number): boolean {
    return this.#db.one("SELECT 1 AS open FROM half_log WHERE seq > ? LIMIT 1", seq) !== undefined;
  }

  has(seq: number): boolean {
    return this.#db.one("SELECT 1 AS open FROM half_log WHERE seq = ?", seq) !== undefined;
  }

  /** The oldest open message of a kind. */
  firstOf(kind: HalfMessage["kind"]): HalfMessage | undefined {
    const sql = "SELECT message FROM half_log WHERE kind = ? ORDER BY seq LIMIT 1";
    const row = this.#db.one<{ message: string }>(sql, kind);
    return row === undefined ? undefined : storedJson<HalfMessage>(row.message);
  }

  delete(seq: number): void {
    this.#db.run("DELETE FROM half_log WHERE seq = ?", seq);
  }

  /** A pool that has voided all it had begins a new log: nothing in the old one holds any more. */
  renew(): void {
    const generation = this.#currentGeneration();
    if (this.generation === generation) return;
    this.#db.run("DELETE FROM half_log");
    this.#db.run("UPDATE half SET generation = ?, next_seq = 1", generation);
  }

  #lowest(): number | null {
    return this.#db.one<{ seq: number | null }>("SELECT min(seq) AS seq FROM half_log")?.seq ?? null;
  }

  // ---- what this half is told

  get incoming(): { readonly generation: number; readonly applied: number } {
    const { their_generation: generation, applied } = this.#state();
    return { generation, applied };
  }

  setIncoming(generation: number, applied: number): void {
    this.#db.run("UPDATE half SET their_generation = ?, applied = ?", generation, applied);
  }

  refuse(seq: number, fault: Fault): void {
    this.#db.run("INSERT INTO half_refused (seq, fault) VALUES (?, ?)", seq, JSON.stringify(fault));
  }

  refused(): HalfAnswer["refused"] {
    const rows = this.#db.all<{ seq: number; fault: string }>("SELECT seq, fault FROM half_refused ORDER BY seq");
    return rows.map(({ seq, fault }) => ({ seq, fault: storedJson<Fault>(fault) }));
  }

  /** The other half knows of those up to `seq`. */
  forgetRefused(seq: number): void {
    this.#db.run("DELETE FROM half_refused WHERE seq <= ?", seq);
  }

  #state(): StateRow {
    const row = this.#db.one<StateRow>("SELECT * FROM half");
    if (row === undefined) throw new Error("the pool has no state of its halves");
    return row;
  }
}
