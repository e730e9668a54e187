/** All of the pool's SQL on units and their sealed bytes. */
import type { NodeId } from "../../shared/ids.ts";
import type { Database } from "../storage/database.ts";
import type { NewUnit, UnitRow, UnitState } from "./rows.ts";
import type { SealedUnit } from "./vault.ts";

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

export class UnitStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
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

  byId(id: number): UnitRow | undefined {
    const row = this.#db.one<UnitSqlRow>(BY_ID, id);
    return row === undefined ? undefined : toUnit(row);
  }

  update(unit: Pick<UnitRow, "id" | "cursor" | "refs" | "state" | "begunMs" | "freed">): void {
    const sql = "UPDATE unit SET cursor = ?, refs = ?, state = ?, begun_ms = ?, freed = ? WHERE id = ?";
    this.#db.run(sql, unit.cursor, unit.refs, unit.state, unit.begunMs, unit.freed, unit.id);
  }

  /** The unit and its data key go; only then can nobody read its bytes again. */
  delete(id: number): void {
    this.#db.run("DELETE FROM unit WHERE id = ?", id);
    this.#db.run("DELETE FROM unit_data WHERE unit = ?", id);
  }

  sealed(id: number): SealedUnit | undefined {
    const row = this.#db.one<DataRow>("SELECT epoch, wrapped_key, sealed FROM unit_data WHERE unit = ?", id);
    if (row === undefined) return undefined;
    return { epoch: row.epoch, wrappedKey: new Uint8Array(row.wrapped_key), sealed: new Uint8Array(row.sealed) };
  }

  reseal(id: number, { epoch, wrappedKey, sealed }: SealedUnit): void {
    const sql = "UPDATE unit_data SET epoch = ?, wrapped_key = ?, sealed = ? WHERE unit = ?";
    this.#db.run(sql, epoch, wrappedKey, sealed, id);
  }

  /** Units to allocate from, in order, after unit `after`. */
  available(after: number, limit: number): UnitRow[] {
    const sql = `SELECT ${COLUMNS} FROM unit INDEXED BY unit_available WHERE state = 'available' AND id > ? ORDER BY id LIMIT ?`;
    return this.#db.all<UnitSqlRow>(sql, after, limit).map(toUnit);
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
    this.#db.run("UPDATE unit SET state = 'lent', transfer = ? WHERE id = ?", transfer, id);
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

function toUnit({ begun_ms: begunMs, freed, ...row }: UnitSqlRow): UnitRow {
  return {
    ...row,
    state: row.state as UnitState,
    owner: row.owner as NodeId,
    begunMs,
    freed: freed === null ? null : new Uint8Array(freed),
  };
}
