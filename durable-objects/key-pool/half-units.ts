/** All of the SQL on units as the two halves of a pool tell them: by block and offset, with an owner. */
import type { BlockId, NodeId, Pair } from "../../shared/ids.ts";
import type { UnitPlace } from "../../shared/keypool/half.ts";
import { ownerOfUnit } from "../../shared/keypool/owner.ts";
import type { Database } from "../storage/database.ts";

/** Owner of a unit that the other half is not known to have: nobody allocates from it. */
export const NOBODY = "" as NodeId;

export interface OwnedUnit {
  readonly id: number;
  readonly length: number;
  readonly owner: NodeId;
}

/** A block of which the other half has not told. */
export interface LoneBlock {
  readonly seq: number;
  readonly id: BlockId;
}

type Row = { id: number; length: number; owner: string };

export class HalfUnits {
  readonly #db: Database;
  readonly #pair: Pair;
  #loneSinceMs: number;

  constructor(db: Database, pair: Pair) {
    this.#db = db;
    this.#pair = pair;
    this.#loneSinceMs = this.#firstLoneMs();
  }

  /** Where a unit lies. @throws Error where it is of no block */
  placeOf(unit: number): UnitPlace {
    const sql =
      "SELECT block.id AS block, unit.offset FROM unit JOIN block ON block.seq = unit.block WHERE unit.id = ?";
    const row = this.#db.one<{ block: string; offset: number }>(sql, unit);
    if (row === undefined) throw new Error(`unit ${unit} lies in no block`);
    return [row.block as BlockId, row.offset];
  }

  at([block, offset]: UnitPlace): OwnedUnit | undefined {
    const sql = `SELECT unit.id, unit.length, unit.owner FROM block JOIN unit INDEXED BY unit_place
       ON unit.block = block.seq AND unit.offset = ? WHERE block.id = ? AND unit.state = 'available'`;
    const row = this.#db.one<Row>(sql, offset, block);
    return row === undefined ? undefined : toOwned(row);
  }

  /** Untouched units of one owner, from the far end. */
  untouched(owner: NodeId, limit: number): OwnedUnit[] {
    const sql = `SELECT id, length, owner FROM unit INDEXED BY unit_available
       WHERE state = 'available' AND cursor = 0 AND owner = ? ORDER BY id DESC LIMIT ?`;
    return this.#db.all<Row>(sql, owner, limit).map(toOwned);
  }

  ownerOf(unit: number): NodeId | undefined {
    return this.#db.one<{ owner: string }>("SELECT owner FROM unit WHERE id = ?", unit)?.owner as NodeId | undefined;
  }

  setOwner(unit: number, owner: NodeId): void {
    this.#db.run("UPDATE unit SET owner = ? WHERE id = ?", owner, unit);
  }

  // ---- blocks that both halves have

  /** Both halves have the block: its units get their owners. */
  share(block: number): void {
    const sql = "SELECT id, length, owner, offset FROM unit INDEXED BY unit_place WHERE block = ? AND owner = ?";
    for (const { id, offset } of this.#db.all<Row & { offset: number }>(sql, block, NOBODY)) {
      this.setOwner(id, ownerOfUnit(this.#pair, offset));
    }
  }

  bytesOf(block: number): number {
    const sql = "SELECT sum(length) AS bytes FROM unit INDEXED BY unit_place WHERE block = ? AND state = 'available'";
    return this.#db.one<{ bytes: number | null }>(sql, block)?.bytes ?? 0;
  }

  /** The units of a block that nothing was given of, or not all. */
  availableOf(block: number): readonly number[] {
    const sql = "SELECT id FROM unit INDEXED BY unit_place WHERE block = ? AND state = 'available'";
    return this.#db.all<{ id: number }>(sql, block).map(({ id }) => id);
  }

  // ---- blocks that only this half has, so far

  /** Since when there have been any; Infinity: there are none. Kept without a query, so it may be early. */
  get loneSinceMs(): number {
    return this.#loneSinceMs;
  }

  addedLone(nowMs: number): void {
    this.#loneSinceMs = Math.min(this.#loneSinceMs, nowMs);
  }

  recountLone(): void {
    this.#loneSinceMs = this.#firstLoneMs();
  }

  /** Those that came at `sinceMs` or before, longest first. */
  lone(sinceMs: number, limit: number): readonly LoneBlock[] {
    const sql = `SELECT DISTINCT block.seq, block.id FROM unit INDEXED BY unit_available JOIN block ON block.seq = unit.block
       WHERE unit.state = 'available' AND unit.owner = ? AND block.at_ms <= ? ORDER BY block.at_ms LIMIT ?`;
    const rows = this.#db.all<{ seq: number; id: string }>(sql, NOBODY, sinceMs, limit);
    return rows.map(({ seq, id }) => ({ seq, id: id as BlockId }));
  }

  #firstLoneMs(): number {
    const sql = `SELECT min(block.at_ms) AS at FROM unit INDEXED BY unit_available JOIN block ON block.seq = unit.block
       WHERE unit.state = 'available' AND unit.owner = ?`;
    return this.#db.one<{ at: number | null }>(sql, NOBODY)?.at ?? Infinity;
  }

  // ---- blocks that only the other half has, so far

  /** A block that only the other half has, so far. */
  noteTaken(block: BlockId, bytes: number): void {
    this.#db.run("INSERT OR REPLACE INTO half_taken (block, bytes) VALUES (?, ?)", block, bytes);
  }

  /** Bytes the other half has of the block; undefined where it has not told. */
  takenBytes(block: BlockId): number | undefined {
    return this.#db.one<{ bytes: number }>("SELECT bytes FROM half_taken WHERE block = ?", block)?.bytes;
  }

  forgetTaken(block: BlockId): void {
    this.#db.run("DELETE FROM half_taken WHERE block = ?", block);
  }

  countTaken(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM half_taken")?.n ?? 0;
  }
}

const toOwned = ({ id, length, owner }: Row): OwnedUnit => ({ id, length, owner: owner as NodeId });
