/** All of a TokenIssuer's SQL but its outbox's and its settings'. */
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";

export interface KeptToken {
  readonly signIn: number;
  readonly kind: "access" | "refresh" | "used";
  readonly n: number;
  readonly expiresMs: number;
  /** Null: the client itself. */
  readonly user: string | null;
  readonly stamp: string;
}

/** Of a token: its SHA-256, and when it expires. */
export interface NewToken {
  readonly sha256: string;
  readonly expiresMs: number;
}

export interface NewTokens {
  readonly access: NewToken;
  readonly refresh: NewToken | null;
}

const endOf = ({ access, refresh }: NewTokens): number => Math.max(access.expiresMs, refresh?.expiresMs ?? 0);

export class TokenStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  token(sha256: string): KeptToken | undefined {
    const row = this.#db.one<{
      sign_in: number;
      kind: KeptToken["kind"];
      n: number;
      expires_ms: number;
      user: string;
      stamp: string;
    }>(
      `SELECT t.sign_in, t.kind, t.n, t.expires_ms, s.user, s.stamp FROM token t JOIN sign_in s ON s.id = t.sign_in
       WHERE t.sha256 = ?`,
      sha256,
    );
    if (row === undefined) return undefined;
    const { sign_in: signIn, kind, n, expires_ms: expiresMs, user, stamp } = row;
    return { signIn, kind, n, expiresMs, user: user === "" ? null : user, stamp };
  }

  /** The oldest sign-ins of the user make room. Inside the caller's transaction. */
  signIn(user: string | null, stamp: string, tokens: NewTokens): void {
    const name = user ?? "";
    const surplus = this.#db.all<{ id: number }>(
      "SELECT id FROM sign_in WHERE user = ? ORDER BY id DESC LIMIT -1 OFFSET ?",
      name,
      LIMITS.kmsSignIns - 1,
    );
    for (const { id } of surplus) this.end(id);
    const id = this.#db.one<{ id: number }>(
      "INSERT INTO sign_in (user, stamp, ends_ms) VALUES (?, ?, ?) RETURNING id",
      name,
      stamp,
      endOf(tokens),
    )?.id;
    this.#put(id ?? 0, 0, tokens);
  }

  /** New tokens in place of those of the refresh token shown. Inside the caller's transaction. */
  refresh(sha256: string, { signIn, n }: KeptToken, tokens: NewTokens): void {
    this.#db.run("UPDATE token SET kind = 'used' WHERE sha256 = ?", sha256);
    this.#db.run("DELETE FROM token WHERE sign_in = ? AND kind = 'access'", signIn);
    this.#db.run(
      "DELETE FROM token WHERE sign_in = ? AND kind = 'used' AND n <= ?",
      signIn,
      n - LIMITS.kmsUsedRefreshTokens,
    );
    this.#db.run("UPDATE sign_in SET ends_ms = ? WHERE id = ?", endOf(tokens), signIn);
    this.#put(signIn, n + 1, tokens);
  }

  #put(signIn: number, n: number, { access, refresh }: NewTokens): void {
    const sql = "INSERT INTO token (sha256, sign_in, kind, n, expires_ms) VALUES (?, ?, ?, ?, ?)";
    this.#db.run(sql, access.sha256, signIn, "access", n, access.expiresMs);
    if (refresh !== null) this.#db.run(sql, refresh.sha256, signIn, "refresh", n, refresh.expiresMs);
  }

  /** A sign-in with all its tokens. Inside the caller's transaction. */
  end(signIn: number): void {
    this.#db.run("DELETE FROM token WHERE sign_in = ?", signIn);
    this.#db.run("DELETE FROM sign_in WHERE id = ?", signIn);
  }

  dropToken(sha256: string): void {
    this.#db.run("DELETE FROM token WHERE sha256 = ?", sha256);
  }

  failures(name: string): { readonly failures: number; readonly lastMs: number } | undefined {
    const row = this.#db.one<{ failures: number; last_ms: number }>(
      "SELECT failures, last_ms FROM failure WHERE name = ?",
      name,
    );
    return row === undefined ? undefined : { failures: row.failures, lastMs: row.last_ms };
  }

  /** Names under which nothing has come for longest make room. Inside the caller's transaction. */
  putFailures(name: string, failures: number, lastMs: number): void {
    this.#db.run("INSERT OR REPLACE INTO failure (name, failures, last_ms) VALUES (?, ?, ?)", name, failures, lastMs);
    this.#db.run(
      "DELETE FROM failure WHERE name IN (SELECT name FROM failure ORDER BY last_ms DESC LIMIT -1 OFFSET ?)",
      LIMITS.kmsFailedNames,
    );
  }

  forgetFailures(name: string): void {
    this.#db.run("DELETE FROM failure WHERE name = ?", name);
  }

  /** Everything that is over, some at a time. */
  sweep(nowMs: number): void {
    this.#db.transaction(() => {
      const sql = "SELECT id FROM sign_in WHERE ends_ms <= ? LIMIT ?";
      for (const { id } of this.#db.all<{ id: number }>(sql, nowMs, LIMITS.kmsSweptRows)) this.end(id);
      this.#db.run("DELETE FROM failure WHERE last_ms <= ?", nowMs - LIMITS.kmsFailureMs);
    });
  }

  /** When something is over next; Infinity: nothing is there. */
  nextSweepMs(): number {
    const signIn = this.#db.one<{ ms: number | null }>("SELECT min(ends_ms) AS ms FROM sign_in")?.ms ?? Infinity;
    const failed = this.#db.one<{ ms: number | null }>("SELECT min(last_ms) AS ms FROM failure")?.ms ?? Infinity;
    return Math.min(signIn, failed + LIMITS.kmsFailureMs);
  }

  eraseAll(): void {
    this.#db.transaction(() => {
      for (const table of ["token", "sign_in", "failure"]) this.#db.run(`DELETE FROM ${table}`);
    });
  }
}
