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
  {
    version: 2,
    minReader: 1,
    sql: `
      -- Append-only. A row holds records of one source with consecutive indices and seqs. Code of schema 1, which may
      -- come back, knows nothing of it and goes on from the last row of records: there the end of the last run stands,
      -- of no source. From a release on that schema 1 cannot follow, it need not any more.
      CREATE TABLE runs (
        last_index INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        hashes BLOB NOT NULL, -- SHA-256 of each bundle of 32 records (the last one of fewer)
        checks BLOB NOT NULL, -- CRC-32 of each record's text, big-endian
        texts TEXT NOT NULL -- recordText, a line a record
      );
      CREATE INDEX runs_source_seq ON runs (source, first_seq, last_seq);
    `,
  },
  {
    version: 3,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      -- Append-only but for those before the one that the chain begins after.
      CREATE TABLE checkpoint (
        number INTEGER PRIMARY KEY,
        idx INTEGER NOT NULL, -- the last record it covers
        at_ms INTEGER NOT NULL,
        text TEXT NOT NULL -- JSON
      );
      -- Public keys that checkpoints were signed by.
      CREATE TABLE signer (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
];
