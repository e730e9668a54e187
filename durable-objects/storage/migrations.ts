/**
 * Ordered migrations, run in the constructor of every object.
 *
 * Deploys run two versions of the code side by side, so a migration expands now and contracts a release later: the
 * store remembers both its `version` and the oldest code that may still read it (`min_reader`), and only code older
 * than that is refused.
 */
import type { Database } from "./database.ts";

export interface Migration {
  /** 1, 2, 3 ... without gaps. */
  readonly version: number;
  /** Oldest code (its newest migration's version) that still understands the store after this migration. */
  readonly minReader: number;
  /** One or more SQL statements. */
  readonly sql: string;
}

/**
 * Brings the store up to the newest migration; all pending ones in one transaction.
 *
 * @throws Error when the store needs newer code, or the list is not numbered 1, 2, 3 ... Thrown from a constructor on
 * purpose: such an object must not serve.
 */
export function migrate(db: Database, migrations: readonly Migration[]): void {
  assertOrdered(migrations);
  const codeVersion = migrations.length;
  db.transaction(() => {
    db.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL, min_reader INTEGER NOT NULL)");
    const stored = db.one<{ version: number; min_reader: number }>("SELECT version, min_reader FROM schema_version");
    if (stored !== undefined && stored.min_reader > codeVersion) {
      throw new Error(
        `this store (schema ${stored.version}) can be read by schema ${stored.min_reader} and newer; this code is schema ${codeVersion}: deploy a newer release`,
      );
    }
    const storedVersion = stored?.version ?? 0;
    const pending = migrations.filter(({ version }) => version > storedVersion);
    const last = pending.at(-1);
    if (last === undefined) return;
    for (const migration of pending) db.run(migration.sql);
    const minReader = Math.max(stored?.min_reader ?? 1, ...pending.map((migration) => migration.minReader));
    db.run("DELETE FROM schema_version");
    db.run("INSERT INTO schema_version (version, min_reader) VALUES (?, ?)", last.version, minReader);
  });
}

function assertOrdered(migrations: readonly Migration[]): void {
  for (const [index, { version, minReader }] of migrations.entries()) {
    if (version !== index + 1) throw new Error(`migration ${index + 1} is numbered ${version}`);
    if (minReader < 1 || minReader > version) throw new Error(`migration ${version} has minReader ${minReader}`);
  }
}
