/** Tables of a KeyPool. */
import { BIT_STATES } from "../../shared/keypool/types.ts";
import type { Migration } from "../storage/migrations.ts";
import { outboxMigration } from "../storage/outbox.ts";
import { standingAlarmMigration } from "../storage/standing-alarms.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

      -- One row, written once a commit: the ledger in bits, and counters.
      CREATE TABLE totals (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        ${BIT_STATES.map((state) => `${state} INTEGER NOT NULL DEFAULT 0`).join(", ")},
        ingested INTEGER NOT NULL DEFAULT 0,
        transferred INTEGER NOT NULL DEFAULT 0,
        imported INTEGER NOT NULL DEFAULT 0,
        simulated INTEGER NOT NULL DEFAULT 0,
        blocks INTEGER NOT NULL DEFAULT 0,
        quarantined_blocks INTEGER NOT NULL DEFAULT 0,
        next_unit INTEGER NOT NULL DEFAULT 1,
        next_record INTEGER NOT NULL DEFAULT 1
      );
      INSERT INTO totals (id) VALUES (1);

      -- Every block ever seen, for ever: id, length and keyed fingerprint, no bytes.
      CREATE TABLE block (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        bits INTEGER NOT NULL,
        fingerprint BLOB NOT NULL,
        state TEXT NOT NULL,      -- unmatched | matched | quarantined | voided
        node TEXT NOT NULL,       -- the end that pushed it first
        reason TEXT,              -- why quarantined
        health TEXT NOT NULL,     -- HealthReport
        at_ms INTEGER NOT NULL,
        file TEXT,                -- of ids like <file name>:<byte offset>, whose ranges may not overlap
        file_offset INTEGER
      );
      CREATE INDEX block_fingerprint ON block (fingerprint);
      CREATE INDEX block_file ON block (file, file_offset) WHERE file IS NOT NULL;
      -- Fingerprints of whole units that were pushed: the same material cut into other blocks is noticed too.
      CREATE TABLE unit_seen (fingerprint BLOB PRIMARY KEY) WITHOUT ROWID;

      -- 4 KiB of material; bytes [0, cursor) are given away, refs counts the key records that still point here.
      CREATE TABLE unit (
        id INTEGER PRIMARY KEY,
        block INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        length INTEGER NOT NULL,
        cursor INTEGER NOT NULL DEFAULT 0,
        refs INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL,      -- unmatched | available | spent | lent | import
        owner TEXT NOT NULL,      -- node that may allocate from it
        transfer TEXT             -- while lent to a sibling shard
      );
      CREATE INDEX unit_available ON unit (state) WHERE state = 'available';
      CREATE INDEX unit_lent ON unit (transfer) WHERE state = 'lent';
      CREATE INDEX unit_unmatched ON unit (block) WHERE state = 'unmatched';
      -- The row goes with the unit's last bit, and its data key with it.
      CREATE TABLE unit_data (
        unit INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        wrapped_key BLOB NOT NULL,
        sealed BLOB NOT NULL
      );
      CREATE INDEX unit_epoch ON unit_data (epoch);

      -- One row a request; it holds no key bytes, it points at them.
      CREATE TABLE key_record (
        id INTEGER PRIMARY KEY,
        nonce BLOB NOT NULL,
        state TEXT NOT NULL,      -- reserved | pending | held (delivered, kept for repeats) | stuck
        master TEXT NOT NULL,
        master_node TEXT NOT NULL,
        recipients TEXT NOT NULL, -- JSON [[sae, node, voided], ...], path slave first
        keys INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        segments TEXT NOT NULL,   -- JSON [[unit, offset, length], ...]
        left BLOB NOT NULL,       -- a bit per recipient and key: not yet fetched
        imported INTEGER NOT NULL DEFAULT 0,
        policy_version INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        hold_until_ms INTEGER NOT NULL DEFAULT 0
      );
      CREATE INDEX key_record_expiry ON key_record (expires_ms);
      -- Keys whose ID another pool made (multicast).
      CREATE TABLE key_import (nonce BLOB PRIMARY KEY, record INTEGER NOT NULL, mask BLOB NOT NULL) WITHOUT ROWID;

      -- Requests with an Idempotency-Key, for delivery_grace_s.
      CREATE TABLE repeat (
        principal TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        request_digest TEXT NOT NULL,
        key_ids TEXT NOT NULL,
        expires_ms INTEGER NOT NULL,
        PRIMARY KEY (principal, idempotency_key)
      ) WITHOUT ROWID;
      CREATE INDEX repeat_expiry ON repeat (expires_ms);

      -- Units on their way between sibling shards. At the borrower: begun, then received, then gone. At the lender,
      -- for ever: settled.
      CREATE TABLE transfer (id TEXT PRIMARY KEY, sibling INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
      CREATE INDEX transfer_open ON transfer (state) WHERE state != 'settled';
      ${outboxMigration}
    `,
  },
  {
    version: 2,
    // Code of version 1 may serve the store: it frees nothing, so that what it delivers is erased with its unit only.
    minReader: 1,
    sql: `
      ALTER TABLE unit ADD COLUMN begun_ms INTEGER NOT NULL DEFAULT 0; -- when its first bits were given away
      ALTER TABLE unit ADD COLUMN freed BLOB; -- which bytes are given away, never to be read again: see freed.ts
      CREATE INDEX unit_begun ON unit (begun_ms) WHERE state = 'available' AND cursor > 0;
      CREATE INDEX block_waiting ON block (at_ms) WHERE state = 'unmatched';
      -- What an operator should look into, until it is cleared; audited_ms: when the audit log was last told of it.
      ${standingAlarmMigration}

      -- Who has had how much, while the policy limits anybody's use of this pool.
      CREATE TABLE usage (
        sae TEXT PRIMARY KEY,     -- master
        day INTEGER NOT NULL,     -- since 1970-01-01, UTC
        keys_today INTEGER NOT NULL,
        pending_bits INTEGER NOT NULL
      ) WITHOUT ROWID;

      -- Where the other node lives in another deployment (shared/keypool/half.ts): the two halves tell units by block
      -- and offset, and each its own log of messages.
      CREATE INDEX unit_place ON unit (block, offset);
      ALTER TABLE key_record ADD COLUMN announced INTEGER; -- the record's number at the half that announced it
      CREATE TABLE half (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        generation INTEGER NOT NULL,       -- of this half's log
        next_seq INTEGER NOT NULL,
        their_generation INTEGER NOT NULL, -- of the other half's
        applied INTEGER NOT NULL           -- the last of its messages that was taken in
      );
      INSERT INTO half (id, generation, next_seq, their_generation, applied) VALUES (1, 1, 1, 0, 0);
      -- Told, and not yet both answered and acted on.
      CREATE TABLE half_log (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        record INTEGER,           -- of an announcement
        message TEXT NOT NULL
      );
      -- Of the other half's messages, until it knows.
      CREATE TABLE half_refused (seq INTEGER PRIMARY KEY, fault TEXT NOT NULL);
      -- Blocks that the other half has and this one has not yet.
      CREATE TABLE half_taken (block TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
      -- After the storage was put back from a copy: blocks that came since it was made, as far as the audit logs tell ...
      CREATE TABLE forgotten_block (id TEXT PRIMARY KEY) WITHOUT ROWID;
      -- ... and files of which more may have come than is known.
      CREATE TABLE closed_file (name TEXT PRIMARY KEY) WITHOUT ROWID;
      -- IDs under which the device at the other end has the keys of a block (JSON), while it waits for its twin.
      CREATE TABLE block_key_ids (block INTEGER PRIMARY KEY, key_ids TEXT NOT NULL);
      CREATE TRIGGER block_settled AFTER UPDATE OF state ON block WHEN NEW.state != 'unmatched' BEGIN
        DELETE FROM block_key_ids WHERE block = NEW.seq;
      END;
    `,
  },
  {
    version: 3,
    // Code of the versions before may serve the store. Chunks are key records to it that run out, are voided and counted
    // like all others; no key ID finds them, as nobody was ever told theirs; and their place in the stream goes with them.
    minReader: 1,
    sql: `
      ALTER TABLE totals ADD COLUMN next_stream INTEGER NOT NULL DEFAULT 1;
      -- Key streams (ETSI GS QKD 004), one row each for both ends. First the end that opened it.
      CREATE TABLE stream (
        instance INTEGER PRIMARY KEY,
        ksid TEXT UNIQUE,         -- null: it is over, and what is left of it is being voided
        qos TEXT NOT NULL,        -- JSON, in force
        sae_0 TEXT NOT NULL,
        node_0 TEXT NOT NULL,
        state_0 TEXT NOT NULL,    -- open | closed | lingers (closed, and may still fetch)
        sae_1 TEXT,               -- null: whoever at node_1 comes first
        node_1 TEXT NOT NULL,
        state_1 TEXT NOT NULL,    -- absent | as above
        next_index INTEGER NOT NULL,
        low_0 INTEGER NOT NULL,   -- below, nothing is left for that end; may be too low
        low_1 INTEGER NOT NULL,
        used_ms INTEGER NOT NULL, -- to the minute
        ends_ms INTEGER NOT NULL
      );
      CREATE INDEX stream_ends ON stream (ends_ms);
      CREATE INDEX stream_sae_0 ON stream (sae_0);
      CREATE INDEX stream_sae_1 ON stream (sae_1);
      -- Of a record of chunks: the stream, and the index and birth of the first; one column for all would not be indexed.
      ALTER TABLE key_record ADD COLUMN stream INTEGER;
      ALTER TABLE key_record ADD COLUMN first_chunk INTEGER;
      ALTER TABLE key_record ADD COLUMN made_ms INTEGER;
      CREATE INDEX key_record_stream ON key_record (stream, first_chunk) WHERE stream IS NOT NULL;
    `,
  },
  {
    version: 4,
    // No release reads streams and does not know this column: older ones have none.
    minReader: 1,
    sql: `
      -- JSON: what both ends agreed on (shared/hybrid/edge); null: a plain one. Nothing may follow the last statement.
      ALTER TABLE stream ADD COLUMN hybrid TEXT;
    `,
  },
  {
    version: 5,
    // Code of the versions before may serve the store. What was drawn for a hop is a key record to it that no SAE may
    // fetch and nobody has an ID of, and that runs out within seconds. It tells nobody of `hop_use`, which stays.
    minReader: 1,
    sql: `
      ALTER TABLE key_record ADD COLUMN hop TEXT; -- JSON [relay, pair, shard]: what a hop's bits were drawn for
      -- What relays have drawn since the audit log was last told, by the pair whose key they bring and who drew.
      CREATE TABLE hop_use (
        pair TEXT NOT NULL,
        node TEXT NOT NULL,
        relays INTEGER NOT NULL,
        bits INTEGER NOT NULL,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (pair, node)
      ) WITHOUT ROWID;
    `,
  },
  {
    version: 6,
    // To code of the versions before, relayed key is key like all other; the trigger works for it too.
    minReader: 1,
    sql: `
      -- Of blocks of relayed key that have units here: over which nodes they came.
      CREATE TABLE block_relay (
        block INTEGER PRIMARY KEY,
        relay TEXT NOT NULL,
        hops INTEGER NOT NULL,    -- links of the longest path
        paths TEXT NOT NULL       -- JSON, one array of nodes a share
      );
      CREATE INDEX block_relay_hops ON block_relay (hops);
      CREATE TRIGGER block_relay_gone AFTER DELETE ON unit
        WHEN EXISTS (SELECT 1 FROM block_relay WHERE block = OLD.block) BEGIN
        DELETE FROM block_relay
          WHERE block = OLD.block AND NOT EXISTS (SELECT 1 FROM unit INDEXED BY unit_place WHERE block = OLD.block);
      END;
    `,
  },
  {
    version: 7,
    // To code of the versions before, keys of other KMSs are imports that no key ID finds: they run out, or are voided.
    minReader: 1,
    sql: `
      -- IDs that KMSs of others have named (ETSI GS QKD 020): kept beyond their keys, so that a void beats what is late.
      CREATE TABLE foreign_key (
        id TEXT PRIMARY KEY,
        initiator TEXT NOT NULL,
        targets TEXT NOT NULL,    -- JSON; none: it was voided before it came
        voided TEXT NOT NULL,     -- JSON: SAEs that shall not have it
        record INTEGER,           -- of the key, while there is one
        position INTEGER,         -- among the record's keys
        fingerprint BLOB,
        expires_ms INTEGER NOT NULL,
        forget_ms INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX foreign_key_forget ON foreign_key (forget_ms);
      CREATE INDEX foreign_key_initiator ON foreign_key (initiator, id);
    `,
  },
];
