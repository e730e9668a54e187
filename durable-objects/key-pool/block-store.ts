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
  file: string | null;
  file_offset: number | null;
};

/** What `<file name>:<byte offset>` says. */
export interface FileRange {
  readonly file: string;
  readonly offset: number;
}

export function fileRangeOf(id: BlockId): FileRange | null {
  const groups = /^(?<file>.+):(?<offset>[0-9]{1,15})$/s.exec(id)?.groups;
  return groups === undefined ? null : { file: groups["file"] ?? "", offset: Number(groups["offset"]) };
}

export class BlockStore {
  readonly #db: Database;
  /** No block has waited for its twin since before this; kept without a query, so it may be early. */
  #earliestWaitingMs: number;

  constructor(db: Database) {
    this.#db = db;
    this.#earliestWaitingMs = this.#oldestWaitingMs();
  }

  /** Infinity when none waits. */
  get earliestWaitingMs(): number {
    return this.#earliestWaitingMs;
  }

  recountWaiting(): void {
    this.#earliestWaitingMs = this.#oldestWaitingMs();
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

  /** A block of the same file whose bytes overlap `[offset, offset + length)`; blocks in the table never overlap. */
  overlapping(range: FileRange, bytes: number): BlockRow | undefined {
    const row = this.#db.one<Row>(
      "SELECT * FROM block INDEXED BY block_file WHERE file = ? AND file_offset < ? ORDER BY file_offset DESC LIMIT 1",
      range.file,
      range.offset + bytes,
    );
    if (row === undefined || (row.file_offset ?? 0) + row.bits / 8 <= range.offset) return undefined;
    return toBlock(row);
  }

  /** True where one of these whole units was pushed before, in whatever block. */
  knowsUnit(fingerprints: readonly Uint8Array[]): boolean {
    return fingerprints.some(
      (fingerprint) =>
        this.#db.one("SELECT 1 AS known FROM unit_seen WHERE fingerprint = ?", fingerprint) !== undefined,
    );
  }

  rememberUnits(fingerprints: readonly Uint8Array[]): void {
    for (const each of fingerprints) this.#db.run("INSERT OR IGNORE INTO unit_seen (fingerprint) VALUES (?)", each);
  }

  /** @returns the block's number, by which units point to it */
  insert(block: Omit<BlockRow, "seq">): number {
    const range = fileRangeOf(block.id);
    const row = this.#db.one<{ seq: number }>(
      `INSERT INTO block (id, bits, fingerprint, state, node, reason, health, at_ms, file, file_offset)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
      block.id,
      block.bits,
      block.fingerprint,
      block.state,
      block.node ?? BOTH_ENDS,
      block.reason,
      JSON.stringify(block.health),
      block.atMs,
      range?.file ?? null,
      range?.offset ?? null,
    );
    if (row === undefined) throw new Error("the block was not inserted");
    if (block.state === "unmatched") this.#waitsSince(block.atMs);
    return row.seq;
  }

  setState(seq: number, state: BlockRow["state"], reason: QuarantineReason | null): void {
    this.#db.run("UPDATE block SET state = ?, reason = ? WHERE seq = ?", state, reason, seq);
  }

  /** What another push changes in a block's life. */
  update({ seq, state, reason, node, health, atMs }: Omit<BlockRow, "id" | "bits" | "fingerprint">): void {
    this.#db.run(
      "UPDATE block SET state = ?, reason = ?, node = ?, health = ?, at_ms = ? WHERE seq = ?",
      state,
      reason,
      node ?? BOTH_ENDS,
      JSON.stringify(health),
      atMs,
      seq,
    );
    if (state === "unmatched") this.#waitsSince(atMs);
  }

  /** Blocks that have waited for their twins since `untilMs` or before, longest first. */
  waiting(untilMs: number, limit: number): BlockRow[] {
    const sql =
      "SELECT * FROM block INDEXED BY block_waiting WHERE state = 'unmatched' AND at_ms <= ? ORDER BY at_ms LIMIT ?";
    return this.#db.all<Row>(sql, untilMs, limit).map(toBlock);
  }

  /** A block that cannot be given up: its twin may still come. */
  waitForEver(seq: number): void {
    this.#db.run("UPDATE block SET at_ms = ? WHERE seq = ?", Number.MAX_SAFE_INTEGER, seq);
  }

  /** Blocks quarantined for their health are never to come in. @returns how many they were, and their bits */
  voidUnhealthy(): { readonly blocks: number; readonly bits: number } {
    const unhealthy = "state = 'quarantined' AND reason = 'health'";
    const found = this.#db.one<{ blocks: number; bits: number }>(
      `SELECT count(*) AS blocks, coalesce(sum(bits), 0) AS bits FROM block WHERE ${unhealthy}`,
    );
    this.#db.run(`UPDATE block SET state = 'voided', reason = NULL WHERE ${unhealthy}`);
    return found ?? { blocks: 0, bits: 0 };
  }

  #waitsSince(atMs: number): void {
    this.#earliestWaitingMs = Math.min(this.#earliestWaitingMs, atMs);
  }

  #oldestWaitingMs(): number {
    const sql = "SELECT min(at_ms) AS at FROM block INDEXED BY block_waiting WHERE state = 'unmatched'";
    return this.#db.one<{ at: number | null }>(sql)?.at ?? Infinity;
  }
}

/** In the column `node`; no node's id is empty. */
const BOTH_ENDS = "";

function toBlock(row: Row): BlockRow {
  return {
    seq: row.seq,
    id: row.id as BlockId,
    bits: row.bits,
    fingerprint: new Uint8Array(row.fingerprint),
    state: row.state as BlockRow["state"],
    node: row.node === BOTH_ENDS ? null : (row.node as NodeId),
    reason: row.reason as QuarantineReason | null,
    health: storedJson<HealthReport>(row.health),
    atMs: row.at_ms,
  };
}
