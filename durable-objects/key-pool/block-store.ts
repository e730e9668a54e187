/** All of the pool's SQL on blocks. */
import type { HealthReport } from "../../shared/health/health.ts";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import { type Database, storedJson } from "../storage/database.ts";
import type { BlockRow, QuarantineReason } from "./rows.ts";

type Row = {
  seq: number;
  id: string;
  bits: number;
  fingerprint: ArrayBuffer;
  state: string;
  node: string;
  reason: string | null;
  health: string;
  at_ms: number;
};

export class BlockStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  byId(id: BlockId): BlockRow | undefined {
    const row = this.#db.one<Row>("SELECT * FROM block WHERE id = ?", id);
    return row === undefined ? undefined : toBlock(row);
  }

  /** True where the same bytes came before, under whatever id. */
  knowsMaterial(fingerprint: Uint8Array): boolean {
    return this.#db.one("SELECT 1 AS known FROM block WHERE fingerprint = ? LIMIT 1", fingerprint) !== undefined;
  }

  last(): BlockRow | undefined {
    const row = this.#db.one<Row>("SELECT * FROM block ORDER BY seq DESC LIMIT 1");
    return row === undefined ? undefined : toBlock(row);
  }

  /** @returns the block's number, by which units point to it */
  insert(block: Omit<BlockRow, "seq">): number {
    const row = this.#db.one<{ seq: number }>(
      `INSERT INTO block (id, bits, fingerprint, state, node, reason, health, at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
      block.id,
      block.bits,
      block.fingerprint,
      block.state,
      block.node,
      block.reason,
      JSON.stringify(block.health),
      block.atMs,
    );
    if (row === undefined) throw new Error("the block was not inserted");
    return row.seq;
  }

  setState(seq: number, state: BlockRow["state"], reason: QuarantineReason | null): void {
    this.#db.run("UPDATE block SET state = ?, reason = ? WHERE seq = ?", state, reason, seq);
  }
}

function toBlock(row: Row): BlockRow {
  return {
    seq: row.seq,
    id: row.id as BlockId,
    bits: row.bits,
    fingerprint: new Uint8Array(row.fingerprint),
    state: row.state as BlockRow["state"],
    node: row.node as NodeId,
    reason: row.reason as QuarantineReason | null,
    health: storedJson<HealthReport>(row.health),
    atMs: row.at_ms,
  };
}
