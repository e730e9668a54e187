/** A KmsPeer object's tables. No key material is ever stored here. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      -- Acknowledgements that the peer has not taken yet.
      CREATE TABLE letter (
        id INTEGER PRIMARY KEY,
        node TEXT NOT NULL,       -- of ours, where the peer sits
        url TEXT NOT NULL,
        via TEXT,                 -- JSON {site, service}
        body TEXT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0,
        due_ms INTEGER NOT NULL,
        ends_ms INTEGER NOT NULL
      );
      CREATE INDEX letter_due ON letter (due_ms);
      -- Keys handed over and not acknowledged yet, as the letter that takes them back: sent where we lose count of them.
      CREATE TABLE hand_over (
        id INTEGER PRIMARY KEY,
        node TEXT NOT NULL,
        url TEXT NOT NULL,
        via TEXT,
        body TEXT NOT NULL,
        ends_ms INTEGER NOT NULL
      );
      ${outboxMigration}
    `,
  },
];
