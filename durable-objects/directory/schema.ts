/** The Directory's tables. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- One row: the sequence grows with every change of anything a snapshot holds.
      CREATE TABLE directory (sequence INTEGER NOT NULL, document_version INTEGER NOT NULL);
      INSERT INTO directory (sequence, document_version) VALUES (1, 0);

      CREATE TABLE versions (version INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, by_whom TEXT NOT NULL);
      -- A document may be larger than a row can be (2 MB).
      CREATE TABLE document_parts (
        version INTEGER NOT NULL,
        part INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (version, part)
      ) WITHOUT ROWID;

      -- Append-only.
      CREATE TABLE revocations (
        n INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        reason TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        by_whom TEXT NOT NULL,
        UNIQUE (kind, value)
      );

      CREATE TABLE drains (key TEXT PRIMARY KEY, drain TEXT NOT NULL) WITHOUT ROWID;

      -- What the alarm has to do with pools. A new errand of the same key replaces the old one and gets a new id.
      CREATE TABLE errands (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        errand TEXT NOT NULL,
        due_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0
      );
      CREATE INDEX errands_due ON errands (due_ms);

      -- Every bootstrap hash ever seen; closed_ms: used or timed out, for ever.
      CREATE TABLE bootstraps (sha256 TEXT PRIMARY KEY, first_seen_ms INTEGER NOT NULL, closed_ms INTEGER) WITHOUT ROWID;
      ${outboxMigration}
    `,
  },
  {
    version: 2,
    minReader: 1,
    sql: `
      ALTER TABLE directory ADD COLUMN generation TEXT; -- of the deployment, the last this storage lived in
      -- Every pool that ever held key material, for ever, with the last lease it was granted.
      CREATE TABLE pools (
        name TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        lease TEXT NOT NULL,
        generation INTEGER NOT NULL,
        first_ms INTEGER NOT NULL,
        last_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      -- One row, from the first start on: the epoch in force.
      CREATE TABLE epoch (epoch INTEGER NOT NULL, since_ms INTEGER NOT NULL, overdue_ms INTEGER);
      -- Every pool that may hold sealed units, from before it seals the first. It holds none of an older epoch than
      -- this, and never will; due_ms: when it is told of the epoch in force, null once it has come along.
      CREATE TABLE pool_epoch (
        pool TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        due_ms INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX pool_epoch_oldest ON pool_epoch (epoch);
      CREATE INDEX pool_epoch_due ON pool_epoch (due_ms) WHERE due_ms IS NOT NULL;
    `,
  },
  {
    version: 3,
    minReader: 1,
    sql: `
      -- Hubs with connections, with the newest sequence each has seen; due_ms: not to be told before.
      CREATE TABLE tunnel_hub (
        site TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        due_ms INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX tunnel_hub_due ON tunnel_hub (due_ms);
    `,
  },
  {
    version: 4,
    minReader: 1,
    sql: `
      -- The same of KeyStream objects that have sockets.
      CREATE TABLE stream_object (
        name TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        due_ms INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX stream_object_due ON stream_object (due_ms);
    `,
  },
  {
    version: 5,
    minReader: 1,
    sql: `
      -- The same of TrustedNode objects.
      CREATE TABLE relay_node (
        node TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        due_ms INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX relay_node_due ON relay_node (due_ms);
      -- All pools of a node: names begin with the lower one's id; this is the higher one's and the shard.
      CREATE INDEX pools_by_high ON pools (substr(name, instr(name, '|') + 1));
    `,
  },
  {
    version: 6,
    minReader: 1,
    sql: `
      -- The same of ProxyAgent objects.
      CREATE TABLE proxy_agent (
        node TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        due_ms INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX proxy_agent_due ON proxy_agent (due_ms);
    `,
  },
  {
    version: 7,
    minReader: 1,
    sql: `
      -- The same of Room objects that have sockets.
      CREATE TABLE room (
        name TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        due_ms INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX room_due ON room (due_ms);
    `,
  },
  {
    version: 8,
    minReader: 1,
    sql: `
      -- The same of the Monitor. It is told of the first change too, and begins to look around by that.
      CREATE TABLE monitor (
        name TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        due_ms INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0
      ) WITHOUT ROWID;
      CREATE INDEX monitor_due ON monitor (due_ms);
      INSERT INTO monitor (name, sequence) VALUES ('monitor', 0);
    `,
  },
];
