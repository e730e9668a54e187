/** The pool's SQL on what is one of a kind: settings, totals, transfers between shards. */
import { BIT_STATES, type BitState } from "../../shared/keypool/types.ts";
import type { Database } from "../storage/database.ts";
import { Settings } from "../storage/settings.ts";
import type { Totals } from "./rows.ts";

type TotalsRow = Record<BitState, number> & {
  ingested: number;
  transferred: number;
  imported: number;
  simulated: number;
  blocks: number;
  quarantined_blocks: number;
  next_unit: number;
  next_record: number;
  next_stream: number;
};
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
  "next_stream",
]
  .map((column) => `${column} = ?`)
  .join(", ")}`;

export class PoolStore {
  readonly settings: Settings;
  readonly #db: Database;

  constructor(db: Database) {
    this.settings = new Settings(db);
    this.#db = db;
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
      nextStream: row.next_stream,
    };
  }

  putTotals(t: Totals): void {
    const counters = [t.ingested, t.transferred, t.imported, t.simulated, t.blocks, t.quarantinedBlocks];
    const next = [t.nextUnit, t.nextRecord, t.nextStream];
    this.#db.run(TOTALS_UPDATE, ...BIT_STATES.map((s) => t.ledger[s]), ...counters, ...next);
  }

  // ---- transfers

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

  /** Borrower: nothing is waited for any more; the siblings are still to be told. */
  endTransfers(): void {
    this.#db.run("UPDATE transfer SET state = 'received' WHERE state = 'begun'");
  }

  deleteTransfer(id: string): void {
    this.#db.run("DELETE FROM transfer WHERE id = ?", id);
  }
}
