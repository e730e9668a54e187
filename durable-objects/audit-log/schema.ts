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
      -- Append-only. A row holds records of one source with consecutive indices and seqs.
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
      -- A row a record, as code of schema 1 wrote them, and may again: between runs, should the deploy be rolled back.
      ALTER TABLE records RENAME TO lone_records;
      -- For code of schema 1: it goes on from the end of the chain, of which the last run may be. To be dropped, and
      -- the table given its name again, once no release of schema 1 can come back.
      CREATE VIEW records (idx, source, seq, at_ms, act, who, node, detail, hash) AS
        SELECT idx, source, seq, at_ms, act, who, node, detail, hash FROM lone_records
        UNION ALL
        SELECT last_index, source, last_seq, 0, 'audit.run', 'system', '',
          json_object('records', length(checks) / 4), lower(hex(substr(hashes, -32))) FROM runs;
      CREATE TRIGGER records_insert INSTEAD OF INSERT ON records BEGIN
        INSERT INTO lone_records (idx, source, seq, at_ms, act, who, node, detail, hash) VALUES
          (NEW.idx, NEW.source, NEW.seq, NEW.at_ms, NEW.act, NEW.who, NEW.node, NEW.detail, NEW.hash);
      END;
    `,
  },
];
