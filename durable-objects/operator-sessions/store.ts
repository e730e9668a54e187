/** All SQL of OperatorSessions but its outbox's and its settings'. */
import type { BeginSession, SessionHolder } from "../../shared/auth/session.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";

type Row = { operator: string; token_sha256: string; expires_ms: number };

export class SessionStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** Inside the caller's transaction. The oldest make room: the operator's own, then anybody's. */
  put({ sessionSha256, operator, tokenSha256, expiresMs }: BeginSession): void {
    const makeRoom = "DELETE FROM session WHERE id IN (SELECT id FROM session";
    this.#db.run(
      `${makeRoom} WHERE operator = ? ORDER BY id DESC LIMIT -1 OFFSET ?)`,
      operator,
      LIMITS.sessionsEach - 1,
    );
    this.#db.run(`${makeRoom} ORDER BY id DESC LIMIT -1 OFFSET ?)`, LIMITS.sessions - 1);
    const insert = "INSERT INTO session (sha256, operator, token_sha256, expires_ms) VALUES (?, ?, ?, ?)";
    this.#db.run(insert, sessionSha256, operator, tokenSha256, expiresMs);
  }

  get(sha256: string): SessionHolder | undefined {
    const sql = "SELECT operator, token_sha256, expires_ms FROM session WHERE sha256 = ?";
    const row = this.#db.one<Row>(sql, sha256);
    return row && { operator: row.operator, tokenSha256: row.token_sha256, expiresMs: row.expires_ms };
  }

  drop(sha256: string): void {
    this.#db.run("DELETE FROM session WHERE sha256 = ?", sha256);
  }

  sweep(nowMs: number): void {
    this.#db.run("DELETE FROM session WHERE expires_ms <= ?", nowMs);
  }

  /** When one expires next; Infinity: there is none. */
  nextSweepMs(): number {
    return this.#db.one<{ ms: number | null }>("SELECT min(expires_ms) AS ms FROM session")?.ms ?? Infinity;
  }

  eraseAll(): void {
    this.#db.run("DELETE FROM session");
  }
}
