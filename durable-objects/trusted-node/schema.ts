/** A TrustedNode object's tables. No key material is ever stored here. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";
import { standingAlarmMigration } from "../storage/standing-alarms.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      ${standingAlarmMigration}
      ${outboxMigration}
    `,
  },
];
