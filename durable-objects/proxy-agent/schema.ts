/** A ProxyAgent object's tables. No key, nor a part of one, is ever stored here. */
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";
import { standingAlarmMigration } from "../storage/standing-alarms.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      -- SPD and SAD entries asked for. AUTOINCREMENT: nothing that still names one may come to mean another.
      CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        origin TEXT NOT NULL,         -- the name that was asked for; of an SA made anew it is not its own
        reqid TEXT NOT NULL,
        template TEXT NOT NULL,       -- JSON
        layout TEXT,                  -- JSON; of SAs
        state TEXT NOT NULL,          -- queued, keyed (installed here, the other end has not said so), installed, failed, deleting
        source TEXT,                  -- of SAs: prefixes, SPI, and the node at the other end
        destination TEXT,
        spi INTEGER,
        peer TEXT,                    -- null: nobody hears what becomes of it there
        ksid TEXT,
        made TEXT,                    -- JSON: how the key was made
        warnings TEXT NOT NULL,       -- JSON
        reason TEXT,
        message TEXT,
        principal TEXT NOT NULL,
        changed_ms INTEGER NOT NULL,
        installed_ms INTEGER,
        due_ms INTEGER,               -- keyed: the other end is given up; installed: to be made anew
        rekey TEXT,                   -- the rekey that it takes part in
        failures INTEGER NOT NULL DEFAULT 0,  -- rekeys of it that failed in a row
        UNIQUE (kind, name)
      );
      CREATE INDEX entry_origin ON entry (kind, origin);
      CREATE INDEX entry_spi ON entry (destination, spi);
      CREATE INDEX entry_due ON entry (due_ms);
      -- They are counted for each new one: not row by row, with their templates.
      CREATE INDEX entry_state ON entry (state);
      CREATE TABLE batch (id TEXT PRIMARY KEY, made_ms INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX batch_made ON batch (made_ms);
      CREATE TABLE batch_entry (
        batch TEXT NOT NULL,
        position INTEGER NOT NULL,
        kind TEXT,
        name TEXT,
        entry INTEGER,                -- whose outcome is waited for
        report TEXT,                  -- JSON; null: not settled
        PRIMARY KEY (batch, position)
      ) WITHOUT ROWID;
      CREATE INDEX batch_entry_open ON batch_entry (entry) WHERE report IS NULL;
      CREATE INDEX batch_open ON batch_entry (batch) WHERE report IS NULL;
      -- What the site's agent is to do, or does.
      CREATE TABLE errand (
        id TEXT PRIMARY KEY,
        sent INTEGER NOT NULL DEFAULT 0,
        taken INTEGER NOT NULL DEFAULT 0, -- 1: under way
        due_ms INTEGER NOT NULL,
        broke_ms INTEGER              -- when it was first not known what became of it
      ) WITHOUT ROWID;
      CREATE INDEX errand_due ON errand (taken, due_ms);
      CREATE TABLE operation (
        errand TEXT NOT NULL,
        position INTEGER NOT NULL,
        operation TEXT NOT NULL,      -- JSON
        purpose TEXT NOT NULL,        -- JSON
        deletes TEXT,                 -- kind:name
        settled INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (errand, position)
      ) WITHOUT ROWID;
      CREATE INDEX operation_deletes ON operation (deletes);
      -- The other ends' words on SAs that this end is not done with, and ours that they have not heard.
      CREATE TABLE word (sa TEXT PRIMARY KEY, agreement TEXT NOT NULL, installed INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX word_at ON word (at_ms);
      CREATE TABLE telling (
        sa TEXT PRIMARY KEY,
        peer TEXT NOT NULL,
        agreement TEXT,               -- null: no key was made
        installed INTEGER NOT NULL,
        number INTEGER NOT NULL,      -- tells it from one that took its place
        due_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX telling_due ON telling (due_ms);
      CREATE INDEX telling_number ON telling (number);
      CREATE TABLE key_setting (endpoints TEXT PRIMARY KEY, settings TEXT NOT NULL, changed_ms INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE rekey (
        id TEXT PRIMARY KEY,
        peer TEXT NOT NULL,
        coordinates INTEGER NOT NULL, -- 1: this end does
        tunnel TEXT NOT NULL,         -- its two prefixes
        phase TEXT NOT NULL,
        state TEXT NOT NULL,          -- of the phase at this end: new, under-way, done, failed
        sas TEXT NOT NULL,            -- JSON
        open INTEGER NOT NULL DEFAULT 0,  -- operations of the phase that are not settled
        why TEXT,
        began_ms INTEGER NOT NULL,
        phase_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE notification (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, notification TEXT NOT NULL);
      ${standingAlarmMigration}
      ${outboxMigration}
    `,
  },
  {
    version: 2,
    minReader: 1,
    sql: `
      -- 1: with a key to be made, for which the other end has to come.
      ALTER TABLE errand ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
      CREATE INDEX errand_keyed ON errand (taken, keyed, due_ms);
    `,
  },
];
