/** The tables of OperatorSessions. Of session ids and tokens only the SHA-256 is here. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE session (
        id INTEGER PRIMARY KEY,        -- a higher one began later
        sha256 TEXT NOT NULL UNIQUE,   -- of the session's id
        operator TEXT NOT NULL,
        token_sha256 TEXT NOT NULL,    -- shown at sign-in
        expires_ms INTEGER NOT NULL
      );
      CREATE INDEX session_operator ON session (operator, id);
      CREATE INDEX session_expires ON session (expires_ms);
      ${outboxMigration}
    `,
  },
];
