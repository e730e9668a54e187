/** The one table of a KeyStream object. */
import type { Migration } from "../storage/migrations.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- Where each stream is; all else of it is in its pool.
      CREATE TABLE stream (
        ksid TEXT PRIMARY KEY,
        pair TEXT NOT NULL,
        shard INTEGER NOT NULL,
        sae TEXT NOT NULL,        -- one that opened it here: the pool tells nobody else of it
        look_ms INTEGER NOT NULL  -- when to look whether it is still there
      ) WITHOUT ROWID;
      CREATE INDEX stream_look ON stream (look_ms);
    `,
  },
];
