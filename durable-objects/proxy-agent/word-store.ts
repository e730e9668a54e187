/** SQL of what the two ends tell each other of their SAs. */
import type { NodeId } from "../../shared/ids.ts";
import type { SaKey } from "../../shared/ipsec/rendezvous.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Database, storedJson } from "../storage/database.ts";

export interface Word {
  readonly agreement: string;
  readonly installed: boolean;
}

export interface Telling {
  readonly sa: SaKey;
  readonly peer: NodeId;
  readonly agreement: string | null;
  readonly installed: boolean;
  /** Another one of the same SA has another. */
  readonly number: number;
}

type TellingRow = { sa: string; peer: string; agreement: string | null; installed: number; number: number };

const nameOf = ({ sourcePrefix, destinationPrefix, spi }: SaKey): string =>
  JSON.stringify([sourcePrefix, destinationPrefix, spi]);
function saOf(name: string): SaKey {
  const [sourcePrefix, destinationPrefix, spi] = storedJson<[string, string, number]>(name);
  return { sourcePrefix, destinationPrefix, spi };
}

export class WordStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The other end's word on an SA that this end is not done with. */
  heard(sa: SaKey, { agreement, installed }: Word, nowMs: number): void {
    const sql = "INSERT OR REPLACE INTO word (sa, agreement, installed, at_ms) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, nameOf(sa), agreement, installed ? 1 : 0, nowMs);
    this.#db.run("DELETE FROM word WHERE at_ms <= ?", nowMs - LIMITS.ipsecToldMs);
    this.#db.run(
      "DELETE FROM word WHERE sa IN (SELECT sa FROM word ORDER BY at_ms DESC, sa LIMIT -1 OFFSET ?)",
      LIMITS.ipsecTold,
    );
  }

  takeWord(sa: SaKey): Word | null {
    const sql = "DELETE FROM word WHERE sa = ? RETURNING agreement, installed";
    const row = this.#db.one<{ agreement: string; installed: number }>(sql, nameOf(sa));
    return row === undefined ? null : { agreement: row.agreement, installed: row.installed === 1 };
  }

  /** To be told to the other end at once, in place of what it has not heard before. */
  tell({ sa, peer, agreement, installed }: Omit<Telling, "number">, nowMs: number): void {
    this.#db.run(
      `INSERT OR REPLACE INTO telling (sa, peer, agreement, installed, number, due_ms, until_ms)
       SELECT ?, ?, ?, ?, max(coalesce(max(number), 0) + 1, ?), ?, ? FROM telling`,
      nameOf(sa),
      peer,
      agreement,
      installed ? 1 : 0,
      nowMs,
      nowMs,
      nowMs + LIMITS.ipsecToldMs,
    );
  }

  /** What the ends said of an SA of before is not to be taken for a word on a new one: for its key both have to come. */
  withdraw(sa: SaKey): void {
    this.#db.run("DELETE FROM telling WHERE sa = ?", nameOf(sa));
    this.#db.run("DELETE FROM word WHERE sa = ?", nameOf(sa));
  }

  due(nowMs: number, limit: number): readonly Telling[] {
    this.#db.run("DELETE FROM telling WHERE until_ms <= ?", nowMs);
    const sql = "SELECT sa, peer, agreement, installed, number FROM telling WHERE due_ms <= ? ORDER BY due_ms LIMIT ?";
    return this.#db.all<TellingRow>(sql, nowMs, limit).map((row) => ({
      sa: saOf(row.sa),
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a node's id, written by this object
      peer: row.peer as NodeId,
      agreement: row.agreement,
      installed: row.installed === 1,
      number: row.number,
    }));
  }

  nextDueMs(): number | null {
    return this.#db.one<{ ms: number | null }>("SELECT min(due_ms) AS ms FROM telling")?.ms ?? null;
  }

  /** It is on its way, or could not be told. */
  postpone({ sa, number }: Telling, dueMs: number): void {
    this.#db.run("UPDATE telling SET due_ms = ? WHERE sa = ? AND number = ?", dueMs, nameOf(sa), number);
  }

  told({ sa, number }: Telling): void {
    this.#db.run("DELETE FROM telling WHERE sa = ? AND number = ?", nameOf(sa), number);
  }
}
