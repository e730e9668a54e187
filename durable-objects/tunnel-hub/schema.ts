/** The hub's tables. What a connection is stands in its socket's attachment: see attachment.ts. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";
import { standingAlarmMigration } from "../storage/standing-alarms.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- One row. The site is the object's name, which not every start of it tells.
      CREATE TABLE hub (site TEXT, last_slot INTEGER NOT NULL);
      INSERT INTO hub (site, last_slot) VALUES (NULL, 0);

      -- Installations of the site's agents, with their public keys.
      CREATE TABLE instance (
        instance TEXT PRIMARY KEY,
        agent TEXT NOT NULL,
        keys TEXT NOT NULL,
        enrolled_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      -- Tokens that have enrolled somebody, and whom: good for the very same enrolment only.
      CREATE TABLE used_token (
        sha256 TEXT PRIMARY KEY,
        n INTEGER NOT NULL,       -- the lowest is the oldest
        instance TEXT NOT NULL,
        keys TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX used_token_n ON used_token (n);
      -- Hubs that asked for an instance's keys. due_ms: when they are told that it is expelled; null while it is not.
      CREATE TABLE watcher (
        instance TEXT NOT NULL,
        hub TEXT NOT NULL,
        due_ms INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (instance, hub)
      ) WITHOUT ROWID;
      CREATE INDEX watcher_due ON watcher (due_ms) WHERE due_ms IS NOT NULL;

      -- What the connected (or waiting) instances expose.
      CREATE TABLE exposed (connection TEXT PRIMARY KEY, services TEXT NOT NULL) WITHOUT ROWID;
      -- Access to the REST API that came with a connection.
      CREATE TABLE access (
        sha256 TEXT PRIMARY KEY,
        connection TEXT NOT NULL,
        agent TEXT NOT NULL,
        expires_ms INTEGER NOT NULL,
        renewed INTEGER NOT NULL DEFAULT 0 -- 1: the next one has been sent
      ) WITHOUT ROWID;
      ${standingAlarmMigration}
      ${outboxMigration}
    `,
  },
  {
    version: 2,
    minReader: 1,
    sql: `
      -- When an agent came last to serve the site; null: none has yet, or not since there is this column.
      ALTER TABLE hub ADD COLUMN served_ms INTEGER;
    `,
  },
];
