/** All of the object's SQL but its outbox's and its settings'. */
import type { AckLetter } from "../../shared/etsi020/types.ts";
import { type Database, storedJson } from "../storage/database.ts";

type Row = {
  id: number;
  node: string;
  url: string;
  via: string | null;
  body: string;
  tries: number;
  due_ms: number;
  ends_ms: number;
};

/** One that is kept until it is taken. */
export interface KeptLetter extends AckLetter {
  readonly id: number;
  /** Where the peer sits: it is that node's log which hears of it. */
  readonly node: string;
  readonly tries: number;
  readonly endsMs: number;
}

export class PeerStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  count(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM letter")?.n ?? 0;
  }

  put(letter: AckLetter, node: string, dueMs: number, endsMs: number): void {
    const via = letter.via === null ? null : JSON.stringify(letter.via);
    const sql = "INSERT INTO letter (node, url, via, body, due_ms, ends_ms) VALUES (?, ?, ?, ?, ?, ?)";
    this.#db.run(sql, node, letter.url, via, letter.body, dueMs, endsMs);
  }

  due(nowMs: number, limit: number): KeptLetter[] {
    return this.#db
      .all<Row>("SELECT * FROM letter WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?", nowMs, limit)
      .map(({ id, node, url, via, body, tries, ends_ms: endsMs }) => ({
        id,
        node,
        url,
        via: via === null ? null : storedJson<AckLetter["via"]>(via),
        body,
        tries,
        endsMs,
      }));
  }

  again(id: number, dueMs: number): void {
    this.#db.run("UPDATE letter SET tries = tries + 1, due_ms = ? WHERE id = ?", dueMs, id);
  }

  drop(id: number): void {
    this.#db.run("DELETE FROM letter WHERE id = ?", id);
  }

  /** @param undo the letter that takes the keys back */
  begin(undo: AckLetter, node: string, endsMs: number): number {
    const via = undo.via === null ? null : JSON.stringify(undo.via);
    const sql = "INSERT INTO hand_over (node, url, via, body, ends_ms) VALUES (?, ?, ?, ?, ?) RETURNING id";
    return this.#db.one<{ id: number }>(sql, node, undo.url, via, undo.body, endsMs)?.id ?? 0;
  }

  /** The keys are the peer's for good. @returns false where they have been taken back */
  end(id: number): boolean {
    const there = this.#db.one<{ id: number }>("SELECT id FROM hand_over WHERE id = ?", id) !== undefined;
    this.#db.run("DELETE FROM hand_over WHERE id = ?", id);
    return there;
  }

  /** Those are taken back: of one, or all that should have ended. */
  undo(of: { readonly id: number } | { readonly endedMs: number }, nowMs: number, lastsMs: number): void {
    const [where, value] = "id" in of ? ["id = ?3", of.id] : ["ends_ms <= ?3", of.endedMs];
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO letter (node, url, via, body, due_ms, ends_ms)
         SELECT node, url, via, body, ?1, ?1 + ?2 FROM hand_over WHERE ${where}`,
        nowMs,
        lastsMs,
        value,
      );
      this.#db.run(`DELETE FROM hand_over WHERE ${where.replace("?3", "?1")}`, value);
    });
  }

  handOvers(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM hand_over")?.n ?? 0;
  }

  /** Infinity: none waits. */
  nextDueMs(): number {
    const sql =
      "SELECT min(at) AS at FROM (SELECT min(due_ms) AS at FROM letter UNION ALL SELECT min(ends_ms) FROM hand_over)";
    return this.#db.one<{ at: number | null }>(sql)?.at ?? Infinity;
  }
}
