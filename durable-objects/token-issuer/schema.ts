/** A TokenIssuer's tables. Of tokens only the SHA-256 is here, of passwords nothing. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      -- What has come of one password, or of one use of the client's own secret. A higher id is a later one.
      CREATE TABLE sign_in (
        id INTEGER PRIMARY KEY,
        user TEXT NOT NULL,        -- '': the client itself
        stamp TEXT NOT NULL,       -- of the secrets that it was given for
        ends_ms INTEGER NOT NULL   -- when the last of its tokens expires
      );
      CREATE INDEX sign_in_user ON sign_in (user, id);
      CREATE INDEX sign_in_ends ON sign_in (ends_ms);
      CREATE TABLE token (
        sha256 TEXT PRIMARY KEY,
        sign_in INTEGER NOT NULL,
        kind TEXT NOT NULL,        -- 'access', 'refresh', or 'used': a refresh token that shall not come again
        n INTEGER NOT NULL,        -- how often the sign-in had been refreshed
        expires_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX token_sign_in ON token (sign_in, kind, n);
      -- Names of users, there or not, under which wrong passwords came.
      CREATE TABLE failure (
        name TEXT PRIMARY KEY,
        failures INTEGER NOT NULL, -- in a row
        last_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX failure_last ON failure (last_ms);
      ${outboxMigration}
    `,
  },
];
