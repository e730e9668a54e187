/** All of the pool's SQL on units, records and totals; blocks are in `block-store.ts`. */
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { BIT_STATES, type BitState } from "../../shared/keypool/types.ts";
import { type Database, storedJson } from "../storage/database.ts";
import type { KeyRecord, NewUnit, Totals, UnitRow, UnitState } from "./rows.ts";
import type { SealedUnit } from "./vault.ts";

type TotalsRow = Record<BitState, number> & {
  ingested: number;
  transferred: number;
  imported: number;
  simulated: number;
  blocks: number;
  quarantined_blocks: number;
  next_unit: number;
  next_record: number;
};
type RecordRow = {
  id: number;
  nonce: ArrayBuffer;
  state: string;
  master: string;
  master_node: string;
  recipients: string;
  keys: number;
  size_bytes: number;
  segments: string;
  left: ArrayBuffer;
  imported: number;
  policy_version: number;
  expires_ms: number;
  hold_until_ms: number;
};
type DataRow = { unit: number; epoch: number; wrapped_key: ArrayBuffer; sealed: ArrayBuffer };

const UNIT_COLUMNS = "id, block, offset, length, cursor, refs, state, owner";
const TOTALS_UPDATE = `UPDATE totals SET ${[
  ...BIT_STATES,
  "ingested",
  "transferred",
  "imported",
  "simulated",
  "blocks",
  "quarantined_blocks",
  "next_unit",
  "next_record",
]
  .map((column) => `${column} = ?`)
  .join(", ")}`;

export class PoolStore {
  readonly #db: Database;
  /** No record or repeat runs out before this; kept without a query, so it may be early. */
  #earliestExpiryMs: number;

  constructor(db: Database) {
    this.#db = db;
    this.#earliestExpiryMs = this.#nextExpiryMs();
  }

  get earliestExpiryMs(): number {
    return this.#earliestExpiryMs;
  }

  recountExpiry(): void {
    this.#earliestExpiryMs = this.#nextExpiryMs();
  }

  setting(name: string): ArrayBuffer | string | undefined {
    const value = this.#db.one<{ value: ArrayBuffer | string }>(
      "SELECT value FROM setting WHERE name = ?",
      name,
    )?.value;
    return value;
  }

  putSetting(name: string, value: Uint8Array | string): void {
    this.#db.run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, value);
  }

  totals(): Totals {
    const row = this.#db.one<TotalsRow>("SELECT * FROM totals");
    if (row === undefined) throw new Error("the pool has no totals");
    const ledger = Object.fromEntries(BIT_STATES.map((state) => [state, row[state]])) as Record<BitState, number>;
    return {
      ledger,
      ingested: row.ingested,
      transferred: row.transferred,
      imported: row.imported,
      simulated: row.simulated,
      blocks: row.blocks,
      quarantinedBlocks: row.quarantined_blocks,
      nextUnit: row.next_unit,
      nextRecord: row.next_record,
    };
  }

  putTotals(t: Totals): void {
    const counters = [t.ingested, t.transferred, t.imported, t.simulated, t.blocks, t.quarantinedBlocks];
    this.#db.run(TOTALS_UPDATE, ...BIT_STATES.map((s) => t.ledger[s]), ...counters, t.nextUnit, t.nextRecord);
  }

  // ---- units

  insertUnit(unit: NewUnit): void {
    this.#db.run(
      `INSERT INTO unit (${UNIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      unit.id,
      unit.block,
      unit.offset,
      unit.length,
      unit.cursor,
      unit.refs,
      unit.state,
      unit.owner,
    );
    this.#db.run(
      "INSERT INTO unit_data (unit, epoch, wrapped_key, sealed) VALUES (?, ?, ?, ?)",
      unit.id,
      unit.data.epoch,
      unit.data.wrappedKey,
      unit.data.sealed,
    );
  }

  /** Units to allocate from, in order, after unit `after`. */
  availableUnits(after: number, limit: number): UnitRow[] {
    const sql = `SELECT ${UNIT_COLUMNS} FROM unit INDEXED BY unit_available WHERE state = 'available' AND id > ? ORDER BY id LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, after, limit).map(toUnit);
  }

  /** Untouched units from the far end, for a sibling. */
  lendableUnits(after: number, limit: number): UnitRow[] {
    const sql = `SELECT ${UNIT_COLUMNS} FROM unit INDEXED BY unit_available WHERE state = 'available' AND id > ? AND cursor = 0 ORDER BY id DESC LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, after, limit).map(toUnit);
  }

  lentUnits(transfer: string): UnitRow[] {
    const sql = `SELECT ${UNIT_COLUMNS} FROM unit INDEXED BY unit_lent WHERE state = 'lent' AND transfer = ? ORDER BY id`;
    return this.#db.all<UnitSqlRow>(sql, transfer).map(toUnit);
  }

  markLent(unit: number, transfer: string): void {
    this.#db.run("UPDATE unit SET state = 'lent', transfer = ? WHERE id = ?", transfer, unit);
  }

  /** Units of blocks that still wait for their twins. */
  waitingUnits(limit: number): UnitRow[] {
    const sql = `SELECT ${UNIT_COLUMNS} FROM unit INDEXED BY unit_unmatched WHERE state = 'unmatched' LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, limit).map(toUnit);
  }

  unmatchedUnits(block: number): UnitRow[] {
    const sql = `SELECT ${UNIT_COLUMNS} FROM unit INDEXED BY unit_unmatched WHERE state = 'unmatched' AND block = ? ORDER BY id`;
    return this.#db.all<UnitSqlRow>(sql, block).map(toUnit);
  }

  updateUnit(id: number, cursor: number, refs: number, state: UnitState): void {
    this.#db.run("UPDATE unit SET cursor = ?, refs = ?, state = ? WHERE id = ?", cursor, refs, state, id);
  }

  unit(id: number): UnitRow | undefined {
    const row = this.#db.one<UnitSqlRow>(`SELECT ${UNIT_COLUMNS} FROM unit WHERE id = ?`, id);
    return row === undefined ? undefined : toUnit(row);
  }

  /** The unit and its data key go; only then can nobody read its bytes again. */
  deleteUnit(id: number): void {
    this.#db.run("DELETE FROM unit WHERE id = ?", id);
    this.#db.run("DELETE FROM unit_data WHERE unit = ?", id);
  }

  sealedUnits(ids: readonly number[]): Map<number, SealedUnit> {
    const sql = "SELECT unit, epoch, wrapped_key, sealed FROM unit_data WHERE unit IN (SELECT value FROM json_each(?))";
    const rows = this.#db.all<DataRow>(sql, JSON.stringify(ids));
    return new Map(
      rows.map((row) => [
        row.unit,
        { epoch: row.epoch, wrappedKey: new Uint8Array(row.wrapped_key), sealed: new Uint8Array(row.sealed) },
      ]),
    );
  }

  // ---- records

  insertRecord(record: KeyRecord): void {
    this.#expiresAt(record.expiresMs);
    this.#db.run(
      `INSERT INTO key_record (id, nonce, state, master, master_node, recipients, keys, size_bytes, segments, left,
         imported, policy_version, expires_ms, hold_until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      record.id,
      record.nonce,
      record.state,
      record.master,
      record.masterNode,
      recipientsJson(record.recipients),
      record.keys,
      record.sizeBytes,
      JSON.stringify(record.segments.map(({ unit, offset, length }) => [unit, offset, length])),
      record.left,
      record.imported ? 1 : 0,
      record.policyVersion,
      record.expiresMs,
      record.holdUntilMs,
    );
  }

  record(id: number): KeyRecord | undefined {
    const row = this.#db.one<RecordRow>("SELECT * FROM key_record WHERE id = ?", id);
    return row === undefined ? undefined : toRecord(row);
  }

  /** What changes in a record's life. */
  updateRecord(record: Pick<KeyRecord, "id" | "state" | "left" | "expiresMs" | "holdUntilMs">): void {
    this.#expiresAt(record.expiresMs);
    this.#db.run(
      "UPDATE key_record SET state = ?, left = ?, expires_ms = ?, hold_until_ms = ? WHERE id = ?",
      record.state,
      record.left,
      record.expiresMs,
      record.holdUntilMs,
      record.id,
    );
  }

  updateRecipients({ id, recipients, left }: Pick<KeyRecord, "id" | "recipients" | "left">): void {
    const sql = "UPDATE key_record SET recipients = ?, left = ? WHERE id = ?";
    this.#db.run(sql, recipientsJson(recipients), left, id);
  }

  updateLeft(id: number, left: Uint8Array): void {
    this.#db.run("UPDATE key_record SET left = ? WHERE id = ?", left, id);
  }

  deleteRecord(record: Pick<KeyRecord, "id" | "imported" | "nonce">): void {
    this.#db.run("DELETE FROM key_record WHERE id = ?", record.id);
    if (record.imported) this.#db.run("DELETE FROM key_import WHERE nonce = ?", record.nonce);
  }

  recordsAfter(id: number, limit: number): KeyRecord[] {
    return this.#db
      .all<RecordRow>("SELECT * FROM key_record WHERE id > ? ORDER BY id LIMIT ?", id, limit)
      .map(toRecord);
  }

  expiredRecords(nowMs: number, limit: number): KeyRecord[] {
    const sql = "SELECT * FROM key_record WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?";
    return this.#db.all<RecordRow>(sql, nowMs, limit).map(toRecord);
  }

  /** Infinity when there is none. */
  #nextExpiryMs(): number {
    const row = this.#db.one<{ at: number | null }>(
      "SELECT min(at) AS at FROM (SELECT min(expires_ms) AS at FROM key_record UNION ALL SELECT min(expires_ms) FROM repeat)",
    );
    return row?.at ?? Infinity;
  }

  #expiresAt(atMs: number): void {
    this.#earliestExpiryMs = Math.min(this.#earliestExpiryMs, atMs);
  }

  // ---- imports, repeats, transfers

  insertImport(nonce: Uint8Array, record: number, mask: Uint8Array): void {
    this.#db.run("INSERT INTO key_import (nonce, record, mask) VALUES (?, ?, ?)", nonce, record, mask);
  }

  import(nonce: Uint8Array): { readonly record: number; readonly mask: Uint8Array } | undefined {
    const sql = "SELECT record, mask FROM key_import WHERE nonce = ?";
    const row = this.#db.one<{ record: number; mask: ArrayBuffer }>(sql, nonce);
    return row === undefined ? undefined : { record: row.record, mask: new Uint8Array(row.mask) };
  }

  repeat(principal: string, key: string, nowMs: number): { requestDigest: string; keyIds: string[] } | undefined {
    const row = this.#db.one<{ request_digest: string; key_ids: string }>(
      "SELECT request_digest, key_ids FROM repeat WHERE principal = ? AND idempotency_key = ? AND expires_ms > ?",
      principal,
      key,
      nowMs,
    );
    return row === undefined
      ? undefined
      : { requestDigest: row.request_digest, keyIds: storedJson<string[]>(row.key_ids) };
  }

  insertRepeat(repeat: {
    principal: string;
    key: string;
    requestDigest: string;
    keyIds: readonly string[];
    expiresMs: number;
  }): void {
    this.#expiresAt(repeat.expiresMs);
    this.#db.run(
      "INSERT OR REPLACE INTO repeat (principal, idempotency_key, request_digest, key_ids, expires_ms) VALUES (?, ?, ?, ?, ?)",
      repeat.principal,
      repeat.key,
      repeat.requestDigest,
      JSON.stringify(repeat.keyIds),
      repeat.expiresMs,
    );
  }

  deleteRepeat(principal: string, key: string): void {
    this.#db.run("DELETE FROM repeat WHERE principal = ? AND idempotency_key = ?", principal, key);
  }

  deleteExpiredRepeats(nowMs: number): void {
    this.#db.run("DELETE FROM repeat WHERE expires_ms <= ?", nowMs);
  }

  /** Borrower: transfers not yet ended. */
  transfers(): { id: string; sibling: number; state: string }[] {
    return this.#db.all("SELECT id, sibling, state FROM transfer INDEXED BY transfer_open WHERE state != 'settled'");
  }

  hasOpenTransfers(): boolean {
    const sql = "SELECT 1 AS open FROM transfer INDEXED BY transfer_open WHERE state != 'settled' LIMIT 1";
    return this.#db.one(sql) !== undefined;
  }

  /** Lender: whether a transfer has ended. */
  isSettled(id: string): boolean {
    return this.#db.one("SELECT 1 AS settled FROM transfer WHERE id = ? AND state = 'settled'", id) !== undefined;
  }

  markSettled(id: string): void {
    this.#db.run("INSERT OR REPLACE INTO transfer (id, sibling, state) VALUES (?, -1, 'settled')", id);
  }

  putTransfer(id: string, sibling: number, state: "begun" | "received"): void {
    this.#db.run("INSERT OR REPLACE INTO transfer (id, sibling, state) VALUES (?, ?, ?)", id, sibling, state);
  }

  deleteTransfer(id: string): void {
    this.#db.run("DELETE FROM transfer WHERE id = ?", id);
  }
}

type UnitSqlRow = {
  id: number;
  block: number;
  offset: number;
  length: number;
  cursor: number;
  refs: number;
  state: string;
  owner: string;
};

const recipientsJson = (recipients: KeyRecord["recipients"]): string =>
  JSON.stringify(recipients.map(({ sae, node, voided }) => [sae, node, voided === true]));

function toUnit(row: UnitSqlRow): UnitRow {
  return { ...row, state: row.state as UnitState, owner: row.owner as NodeId };
}

function toRecord(row: RecordRow): KeyRecord {
  return {
    id: row.id,
    nonce: new Uint8Array(row.nonce),
    state: row.state as KeyRecord["state"],
    master: row.master as SaeId,
    masterNode: row.master_node as NodeId,
    recipients: storedJson<[SaeId, NodeId, boolean][]>(row.recipients).map(([sae, node, voided]) => ({
      sae,
      node,
      voided,
    })),
    keys: row.keys,
    sizeBytes: row.size_bytes,
    segments: storedJson<[number, number, number][]>(row.segments).map(([unit, offset, length]) => ({
      unit,
      offset,
      length,
    })),
    left: new Uint8Array(row.left),
    imported: row.imported === 1,
    policyVersion: row.policy_version,
    expiresMs: row.expires_ms,
    holdUntilMs: row.hold_until_ms,
  };
}
