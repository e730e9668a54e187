/** The audit log's tables. */
import type { Migration } from "../storage/migrations.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- Append-only. (source, seq) is not unique: the log's own notes share the number of what they are about.
      CREATE TABLE records (
        idx INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        act TEXT NOT NULL,
        who TEXT NOT NULL,
        node TEXT NOT NULL,
        detail TEXT NOT NULL,
        hash TEXT NOT NULL
      );
      CREATE INDEX records_source_seq ON records (source, seq);
      CREATE TABLE sources (source TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
    `,
  },
];
