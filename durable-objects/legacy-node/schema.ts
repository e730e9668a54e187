/** A LegacyNode object's tables. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- Keys that wait for who fetches them, sealed as a pool's units are. Once fetched, the ID stays and the key goes:
      -- what comes under a known ID is refused.
      CREATE TABLE kept_key (
        key_id TEXT PRIMARY KEY,
        -- begun: by an SAE here. come: for an SAE here.
        kind TEXT NOT NULL,
        neighbour TEXT NOT NULL,
        master TEXT NOT NULL,
        slave TEXT NOT NULL,
        expires_ms INTEGER NOT NULL,
        epoch INTEGER,
        wrapped_key BLOB,
        sealed BLOB
      ) WITHOUT ROWID;
      CREATE INDEX kept_key_expires ON kept_key (expires_ms);
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      ${outboxMigration}
    `,
  },
];
