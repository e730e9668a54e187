/** A QkdModule object's tables. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";
import { standingAlarmMigration } from "../storage/standing-alarms.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- What the module keeps. Key material is sealed, as a pool's units are: epoch 0 is what holds none.
      CREATE TABLE entry (
        name TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        wrapped_key BLOB NOT NULL,
        value BLOB NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      ${standingAlarmMigration}
      ${outboxMigration}
    `,
  },
];
