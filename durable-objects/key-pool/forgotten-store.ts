/** All of the pool's SQL on what a roll-back has made it forget: blocks that were pushed after its storage was copied. */
import type { Database } from "../storage/database.ts";

export class ForgottenStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Was a block of this id taken in by what the pool was before a roll-back? */
  isForgotten(block: string): boolean {
    return this.#db.one("SELECT 1 AS known FROM forgotten_block WHERE id = ?", block) !== undefined;
  }

  remember(block: string): void {
    this.#db.run("INSERT OR IGNORE INTO forgotten_block (id) VALUES (?)", block);
  }

  /** A file of which more may have been pushed than is known. */
  isClosed(file: string): boolean {
    return this.#db.one("SELECT 1 AS closed FROM closed_file WHERE name = ?", file) !== undefined;
  }

  close(file: string): void {
    this.#db.run("INSERT OR IGNORE INTO closed_file (name) VALUES (?)", file);
  }

  /** Closes every file that blocks are known of. */
  closeKnownFiles(): void {
    this.#db.run("INSERT OR IGNORE INTO closed_file (name) SELECT DISTINCT file FROM block WHERE file IS NOT NULL");
  }
}
