/** SQL of errands: what the site's agent is to do, each operation with what it is for. */
import type { EntryKind, Operation } from "../../shared/ipsec/errand.ts";
import type { Place } from "./batch-store.ts";
import { type Database, storedJson } from "../storage/database.ts";

/** What an operation is for: whom its outcome concerns. */
export type Purpose =
  | { readonly for: "create"; readonly entry: number }
  /** Asked for by a caller. `place` of an entry that this object does not know; who waits for the others is known by them. */
  | { readonly for: "delete"; readonly entry: number | null; readonly place: Place | null }
  | TakeBack
  | { readonly for: "forget" }
  | { readonly for: "rekey"; readonly rekey: string; readonly entry: number };

/** Not to be used any more: it is tried until it is done, and nobody waits for it but a rekey that is taken back. */
export interface TakeBack {
  readonly for: "take-back";
  readonly attempts: number;
  readonly rekey?: string;
}

export interface Task {
  readonly operation: Operation;
  readonly purpose: Purpose;
}

export interface PlacedTask extends Task {
  readonly position: number;
}

export interface ErrandRow {
  readonly id: string;
  /** How often it has been sent. */
  readonly sent: number;
  readonly brokeMs: number | null;
}

const subjectOf = (kind: EntryKind, name: string): string => `${kind}:${name}`;

export class ErrandStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    // Whatever was under way has ended with the life of the object before.
    db.run("UPDATE errand SET taken = 0 WHERE taken = 1");
  }

  add(id: string, tasks: readonly Task[], dueMs: number): void {
    const isKeyed = tasks.some(({ operation }) => "key" in operation);
    this.#db.run("INSERT INTO errand (id, due_ms, keyed) VALUES (?, ?, ?)", id, dueMs, Number(isKeyed));
    for (const [position, { operation, purpose }] of tasks.entries()) {
      this.#db.run(
        "INSERT INTO operation (errand, position, operation, purpose, deletes) VALUES (?, ?, ?, ?, ?)",
        id,
        position,
        JSON.stringify(operation),
        JSON.stringify(purpose),
        operation.do === "delete" ? subjectOf(operation.kind, operation.name) : null,
      );
    }
  }

  /** @param isKeyed those that wait for the other ends' agents, or those that do not */
  due(isKeyed: boolean, nowMs: number, limit: number): readonly ErrandRow[] {
    const sql = `SELECT id, sent, broke_ms AS brokeMs FROM errand WHERE taken = 0 AND keyed = ? AND due_ms <= ?
      ORDER BY due_ms LIMIT ?`;
    return this.#db.all<{ id: string; sent: number; brokeMs: number | null }>(sql, Number(isKeyed), nowMs, limit);
  }

  nextDueMs(isKeyed: boolean): number | null {
    const sql = "SELECT min(due_ms) AS ms FROM errand WHERE taken = 0 AND keyed = ?";
    return this.#db.one<{ ms: number | null }>(sql, Number(isKeyed))?.ms ?? null;
  }

  /** Operations of all errands that are not settled. */
  count(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM operation WHERE settled = 0")?.n ?? 0;
  }

  /** All operations, in order: what has been settled already is told again by the agent. */
  operations(errand: string): readonly Operation[] {
    const sql = "SELECT operation FROM operation WHERE errand = ? ORDER BY position";
    return this.#db.all<{ operation: string }>(sql, errand).map((row) => storedJson<Operation>(row.operation));
  }

  open(errand: string): readonly PlacedTask[] {
    const sql = "SELECT position, operation, purpose FROM operation WHERE errand = ? AND settled = 0 ORDER BY position";
    return this.#db
      .all<{ position: number; operation: string; purpose: string }>(sql, errand)
      .map(({ position, operation, purpose }) => ({
        position,
        operation: storedJson<Operation>(operation),
        purpose: storedJson<Purpose>(purpose),
      }));
  }

  /** @returns the operation, if it had not been settled before */
  settle(errand: string, position: number): Task | null {
    const row = this.#db.one<{ operation: string; purpose: string }>(
      "UPDATE operation SET settled = 1 WHERE errand = ? AND position = ? AND settled = 0 RETURNING operation, purpose",
      errand,
      position,
    );
    if (row === undefined) return null;
    return { operation: storedJson<Operation>(row.operation), purpose: storedJson<Purpose>(row.purpose) };
  }

  /** It is under way, until it is `broken` or this life of the object ends. */
  taken(errand: string): void {
    this.#db.run("UPDATE errand SET taken = 1 WHERE id = ?", errand);
  }

  /** Before it is sent: from now on it may have been done. */
  sending(errand: string): void {
    this.#db.run("UPDATE errand SET sent = sent + 1 WHERE id = ?", errand);
  }

  /** The agent has said that it has not. */
  notBegun(errand: string): void {
    this.#db.run("UPDATE errand SET sent = sent - 1 WHERE id = ?", errand);
  }

  wasSent(errand: string): boolean {
    return this.#db.one("SELECT 1 FROM errand WHERE id = ? AND sent > 0", errand) !== undefined;
  }

  broken(errand: string, dueMs: number, nowMs: number): void {
    const sql = "UPDATE errand SET taken = 0, due_ms = ?, broke_ms = coalesce(broke_ms, ?) WHERE id = ?";
    this.#db.run(sql, dueMs, nowMs, errand);
  }

  end(errand: string): void {
    this.#db.run("DELETE FROM operation WHERE errand = ?", errand);
    this.#db.run("DELETE FROM errand WHERE id = ?", errand);
  }

  /** Is an entry of this name still to be deleted? If so, that is tried again at once. */
  hurryDelete(kind: EntryKind, name: string, nowMs: number): boolean {
    const errands = "SELECT errand FROM operation WHERE deletes = ?1 AND settled = 0";
    if (this.#db.one(`${errands} LIMIT 1`, subjectOf(kind, name)) === undefined) return false;
    this.#db.run(`UPDATE errand SET due_ms = min(due_ms, ?2) WHERE id IN (${errands})`, subjectOf(kind, name), nowMs);
    return true;
  }
}
