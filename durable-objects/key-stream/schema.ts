/** The tables of a KeyStream object. */
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
  {
    version: 2,
    // Code of the version before leaves hybrid streams alone: their pools hand it nothing of them.
    minReader: 1,
    sql: `
      -- Exchanges of KEM keys with the other half of a hybrid stream, and the secrets that came of them, sealed as a pool's
      -- units are.
      CREATE TABLE hybrid_exchange (
        id INTEGER PRIMARY KEY,
        ksid TEXT NOT NULL,
        instance INTEGER NOT NULL,  -- of the stream
        number INTEGER NOT NULL,
        state TEXT NOT NULL,        -- offered | agreed | confirmed | over
        open TEXT NOT NULL,         -- JSON: nonces, public keys, ciphertexts
        epoch INTEGER NOT NULL,     -- whose key protects it; 0: there is nothing to protect
        wrapped_key BLOB NOT NULL,
        sealed BLOB NOT NULL,
        ends_ms INTEGER,            -- null: with its stream
        UNIQUE (ksid, instance, number)
      );
      CREATE INDEX hybrid_exchange_ends ON hybrid_exchange (ends_ms) WHERE ends_ms IS NOT NULL;
      CREATE INDEX hybrid_exchange_epoch ON hybrid_exchange (epoch);
    `,
  },
];
