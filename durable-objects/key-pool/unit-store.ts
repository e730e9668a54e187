/** All of the pool's SQL on units and their sealed bytes. */
import type { NodeId } from "../../shared/ids.ts";
import { freeBytes } from "../../shared/keypool/segments.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";
import { NO_BLOCK, type NewUnit, type UnitRow, type UnitState } from "./rows.ts";
import type { SealedUnit } from "../storage/vault.ts";

type UnitSqlRow = {
  id: number;
  block: number;
  offset: number;
  length: number;
  cursor: number;
  refs: number;
  state: string;
  owner: string;
  begun_ms: number;
  freed: ArrayBuffer | null;
};
type DataRow = { epoch: number; wrapped_key: ArrayBuffer; sealed: ArrayBuffer };

const COLUMNS = "id, block, offset, length, cursor, refs, state, owner, begun_ms, freed";
// Written once: the engine finds a prepared statement again by its text.
const INSERT = `INSERT INTO unit (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const BY_ID = `SELECT ${COLUMNS} FROM unit WHERE id = ?`;
const WITH_DATA = `SELECT ${COLUMNS}, epoch, wrapped_key, sealed FROM unit JOIN unit_data ON unit = id WHERE id = ?`;

export class UnitStore {
  readonly #db: Database;
  /** Units that keys are cut from or fetched from now, oldest first; what the table says too. */
  readonly #rows = new Map<number, UnitRow>();
  /** No unit in use was begun before this; kept without a query, so it may be early. Infinity: none is in use. */
  #earliestBegunMs: number;

  constructor(db: Database) {
    this.#db = db;
    this.#earliestBegunMs = this.firstBegunMs(null);
  }

  get earliestBegunMs(): number {
    return this.#earliestBegunMs;
  }

  recountBegun(): void {
    this.#earliestBegunMs = this.firstBegunMs(null);
  }

  insert({ data, ...unit }: NewUnit): void {
    this.#db.run(
      INSERT,
      unit.id,
      unit.block,
      unit.offset,
      unit.length,
      unit.cursor,
      unit.refs,
      unit.state,
      unit.owner,
      unit.begunMs,
      unit.freed,
    );
    const { epoch, wrappedKey, sealed } = data;
    const sql = "INSERT INTO unit_data (unit, epoch, wrapped_key, sealed) VALUES (?, ?, ?, ?)";
    this.#db.run(sql, unit.id, epoch, wrappedKey, sealed);
  }

  /** After a rollback: the table is the truth. */
  forget(): void {
    this.#rows.clear();
  }

  byId(id: number): UnitRow | undefined {
    const known = this.#rows.get(id);
    if (known !== undefined) return known;
    const row = this.#db.one<UnitSqlRow>(BY_ID, id);
    if (row === undefined) return undefined;
    const unit = toUnit(row);
    this.#remember(unit);
    return unit;
  }

  update(unit: UnitRow): void {
    this.#remember(unit);
    if (unit.cursor > 0 && unit.state === "available") {
      this.#earliestBegunMs = Math.min(this.#earliestBegunMs, unit.begunMs);
    }
    const sql = "UPDATE unit SET cursor = ?, refs = ?, state = ?, begun_ms = ?, freed = ? WHERE id = ?";
    this.#db.run(sql, unit.cursor, unit.refs, unit.state, unit.begunMs, unit.freed, unit.id);
  }

  /** The unit and its data key go; only then can nobody read its bytes again. */
  delete(id: number): void {
    this.#rows.delete(id);
    this.#db.run("DELETE FROM unit WHERE id = ?", id);
    this.#db.run("DELETE FROM unit_data WHERE unit = ?", id);
  }

  sealed(id: number): SealedUnit | undefined {
    const row = this.#db.one<DataRow>("SELECT epoch, wrapped_key, sealed FROM unit_data WHERE unit = ?", id);
    return row === undefined ? undefined : toSealed(row);
  }

  /** A unit and its data, whose row is about to be asked for again: nothing is read twice. */
  withData(id: number): NewUnit | undefined {
    const known = this.#rows.get(id);
    if (known !== undefined) {
      const data = this.sealed(id);
      return data === undefined ? undefined : { ...known, data };
    }
    const row = this.#db.one<UnitSqlRow & DataRow>(WITH_DATA, id);
    if (row === undefined) return undefined;
    const { epoch, wrapped_key, sealed, ...unitRow } = row;
    const unit = toUnit(unitRow);
    this.#remember(unit);
    return { ...unit, data: toSealed({ epoch, wrapped_key, sealed }) };
  }

  reseal(id: number, { epoch, wrappedKey, sealed }: SealedUnit): void {
    const sql = "UPDATE unit_data SET epoch = ?, wrapped_key = ?, sealed = ? WHERE unit = ?";
    this.#db.run(sql, epoch, wrappedKey, sealed, id);
  }

  // ---- epochs

  /** Numbers of the epochs in which anything is sealed, in rising order. */
  epochs(): number[] {
    return this.epochsBefore(Number.MAX_SAFE_INTEGER);
  }

  epochsBefore(epoch: number): number[] {
    const epochs: number[] = [];
    // A step of the index each, however many units there are.
    for (let after = 0; ;) {
      const sql = "SELECT min(epoch) AS epoch FROM unit_data WHERE epoch > ? AND epoch < ?";
      const next = this.#db.one<{ epoch: number | null }>(sql, after, epoch)?.epoch ?? null;
      if (next === null) return epochs;
      epochs.push(next);
      after = next;
    }
  }

  ofEpoch(epoch: number, limit: number): number[] {
    const sql = "SELECT unit FROM unit_data WHERE epoch = ? LIMIT ?";
    return this.#db.all<{ unit: number }>(sql, epoch, limit).map(({ unit }) => unit);
  }

  countOf(epoch: number): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM unit_data WHERE epoch = ?", epoch)?.n ?? 0;
  }

  // ---- units in use

  /** Units in use without a date get one. */
  dateBegun(nowMs: number): void {
    this.#rows.clear();
    const sql = "UPDATE unit SET begun_ms = ? WHERE begun_ms = 0 AND state = 'available' AND cursor > 0";
    this.#db.run(sql, nowMs);
  }

  /** @param owner whose units; null: all */
  begunUntil(atMs: number, owner: NodeId | null, limit: number): number[] {
    const sql = `SELECT id FROM unit INDEXED BY unit_begun
       WHERE state = 'available' AND cursor > 0 AND begun_ms <= ?1 AND (?2 IS NULL OR owner = ?2)
       ORDER BY begun_ms LIMIT ?3`;
    return this.#db.all<{ id: number }>(sql, atMs, owner, limit).map(({ id }) => id);
  }

  /** Infinity: none is in use. @param owner whose units; null: all */
  firstBegunMs(owner: NodeId | null): number {
    const sql = `SELECT begun_ms FROM unit INDEXED BY unit_begun
       WHERE state = 'available' AND cursor > 0 AND (?1 IS NULL OR owner = ?1) ORDER BY begun_ms LIMIT 1`;
    return this.#db.one<{ begun_ms: number }>(sql, owner)?.begun_ms ?? Infinity;
  }

  #remember(unit: UnitRow): void {
    this.#rows.delete(unit.id);
    this.#rows.set(unit.id, unit);
    if (this.#rows.size <= LIMITS.cachedUnitRows) return;
    for (const oldest of this.#rows.keys()) {
      this.#rows.delete(oldest);
      return;
    }
  }

  // ---- by what they are for

  /** Units to allocate from, in order, after unit `after`; of one owner, or (null) of all. */
  available(after: number, limit: number, owner: NodeId | null = null): UnitRow[] {
    const owned = owner === null ? "" : "AND owner = ?";
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_available
       WHERE state = 'available' AND id > ? ${owned} ORDER BY id LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, after, ...(owner === null ? [] : [owner]), limit).map(toUnit);
  }

  /**
   * Units to allocate from whose key came over so many links at most, until they hold `bytes`. What was borrowed from
   * the pair's link came over one.
   */
  availableWithin(hops: number, bytes: number, owner: NodeId | null): UnitRow[] {
    const few = this.#within(hops, Math.ceil(bytes / LIMITS.unitBytes) + 1, owner);
    return freeBytes(few, bytes) >= bytes ? few : this.#within(hops, LIMITS.unitsWithin, owner);
  }

  #within(hops: number, limit: number, owner: NodeId | null): UnitRow[] {
    const unitHops = `coalesce((SELECT hops FROM block_relay AS r WHERE r.block = unit.block),
      CASE unit.block WHEN ${NO_BLOCK} THEN 1 END)`;
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_available
       WHERE state = 'available' AND ${unitHops} <= ?1 AND (?2 IS NULL OR owner = ?2) ORDER BY id LIMIT ?3`;
    return this.#db.all<UnitSqlRow>(sql, hops, owner, limit).map(toUnit);
  }

  /** A unit that waited for its block's twin is there to be allocated from, under a new number: those before it go first. */
  admit(id: number, as: number): void {
    this.#rows.delete(id);
    this.#db.run("UPDATE unit SET id = ?, state = 'available' WHERE id = ?", as, id);
    this.#db.run("UPDATE unit_data SET unit = ? WHERE unit = ?", as, id);
  }

  /** Untouched units from the far end, for a sibling. */
  lendable(limit: number): UnitRow[] {
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_available WHERE state = 'available' AND cursor = 0 ORDER BY id DESC LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, limit).map(toUnit);
  }

  lent(transfer: string): UnitRow[] {
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_lent WHERE state = 'lent' AND transfer = ? ORDER BY id`;
    return this.#db.all<UnitSqlRow>(sql, transfer).map(toUnit);
  }

  markLent(id: number, transfer: string): void {
    this.#rows.delete(id);
    this.#db.run("UPDATE unit SET state = 'lent', transfer = ? WHERE id = ?", transfer, id);
  }

  allLent(limit: number): UnitRow[] {
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_lent WHERE state = 'lent' LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, limit).map(toUnit);
  }

  /** Units of blocks that still wait for their twins. */
  waiting(limit: number): UnitRow[] {
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_unmatched WHERE state = 'unmatched' LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, limit).map(toUnit);
  }

  unmatched(block: number): UnitRow[] {
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_unmatched WHERE state = 'unmatched' AND block = ? ORDER BY id`;
    return this.#db.all<UnitSqlRow>(sql, block).map(toUnit);
  }
}

const toSealed = ({ epoch, wrapped_key: wrappedKey, sealed }: DataRow): SealedUnit => ({
  epoch,
  wrappedKey: new Uint8Array(wrappedKey),
  sealed: new Uint8Array(sealed),
});

function toUnit({ begun_ms: begunMs, freed, ...row }: UnitSqlRow): UnitRow {
  return {
    ...row,
    state: row.state as UnitState,
    owner: row.owner as NodeId,
    begunMs,
    freed: freed === null ? null : new Uint8Array(freed),
  };
}
