/** SQL of rekeys: which SAs are being made anew together, and how far that is. */
import type { NodeId } from "../../shared/ids.ts";
import type { RekeyPhase, RekeyStepCall } from "../../shared/ipsec/types.ts";
import { type Database, storedJson } from "../storage/database.ts";

/** Of a phase, at this end. */
export type StepState = "new" | "under-way" | "done" | "failed";

export interface RekeyRow {
  readonly id: string;
  readonly peer: NodeId;
  /** Does this end? */
  readonly coordinates: boolean;
  /** For people: its two prefixes. */
  readonly tunnel: string;
  readonly phase: RekeyPhase;
  readonly state: StepState;
  readonly sas: RekeyStepCall["sas"];
  /** Operations of the phase that are not settled. */
  readonly open: number;
  /** What has failed. */
  readonly why: string | null;
  readonly beganMs: number;
  readonly phaseMs: number;
}

type Row = {
  id: string;
  peer: string;
  coordinates: number;
  tunnel: string;
  phase: RekeyPhase;
  state: StepState;
  sas: string;
  open: number;
  why: string | null;
  began_ms: number;
  phase_ms: number;
};

const rowOf = ({ began_ms: beganMs, phase_ms: phaseMs, ...row }: Row): RekeyRow => ({
  ...row,
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a node's id, written by this object
  peer: row.peer as NodeId,
  coordinates: row.coordinates === 1,
  sas: storedJson<RekeyRow["sas"]>(row.sas),
  beganMs,
  phaseMs,
});

export class RekeyStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(
    { id, peer, coordinates, tunnel, sas }: Pick<RekeyRow, "id" | "peer" | "coordinates" | "tunnel" | "sas">,
    dueMs: number,
    nowMs: number,
  ): void {
    this.#db.run(
      `INSERT INTO rekey (id, peer, coordinates, tunnel, phase, state, sas, began_ms, phase_ms, due_ms)
       VALUES (?, ?, ?, ?, 'inbound', 'new', ?, ?, ?, ?)`,
      id,
      peer,
      coordinates ? 1 : 0,
      tunnel,
      JSON.stringify(sas),
      nowMs,
      nowMs,
      dueMs,
    );
  }

  get(id: string): RekeyRow | null {
    const row = this.#db.one<Row>("SELECT * FROM rekey WHERE id = ?", id);
    return row === undefined ? null : rowOf(row);
  }

  list(): readonly RekeyRow[] {
    return this.#db.all<Row>("SELECT * FROM rekey ORDER BY began_ms, id").map((row) => rowOf(row));
  }

  count(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM rekey")?.n ?? 0;
  }

  due(nowMs: number): readonly RekeyRow[] {
    return this.#db.all<Row>("SELECT * FROM rekey WHERE due_ms <= ? ORDER BY due_ms", nowMs).map((row) => rowOf(row));
  }

  nextDueMs(): number | null {
    return this.#db.one<{ ms: number | null }>("SELECT min(due_ms) AS ms FROM rekey")?.ms ?? null;
  }

  setDue(id: string, dueMs: number): void {
    this.#db.run("UPDATE rekey SET due_ms = ? WHERE id = ?", dueMs, id);
  }

  setPhase(id: string, phase: RekeyPhase, nowMs: number): void {
    const sql = "UPDATE rekey SET phase = ?, state = 'new', open = 0, phase_ms = ? WHERE id = ?";
    this.#db.run(sql, phase, nowMs, id);
  }

  /** @param open operations that the phase waits for */
  begun(id: string, open: number): void {
    this.#db.run("UPDATE rekey SET state = ?, open = ? WHERE id = ?", open === 0 ? "done" : "under-way", open, id);
  }

  /** @param why it has failed; null: it is done. The phase ends with the last of its operations. */
  settledOne(id: string, why: string | null): void {
    this.#db.run("UPDATE rekey SET open = open - 1, why = coalesce(?, why) WHERE id = ?", why, id);
    const sql = `UPDATE rekey SET state = CASE WHEN why IS NULL THEN 'done' ELSE 'failed' END
      WHERE id = ? AND open = 0 AND state = 'under-way'`;
    this.#db.run(sql, id);
  }

  /** Whatever has led to it. */
  tookBackOne(id: string): void {
    const sql =
      "UPDATE rekey SET open = open - 1, state = iif(open = 1, 'done', state) WHERE id = ? AND phase = 'take-back'";
    this.#db.run(sql, id);
  }

  /** @returns whether what came of a rekey of this tunnel is still being taken back */
  isTakenBack(tunnel: string): boolean {
    return this.#db.one("SELECT 1 FROM rekey WHERE tunnel = ? AND phase LIKE 'take-back%'", tunnel) !== undefined;
  }

  setWhy(id: string, why: string): void {
    this.#db.run("UPDATE rekey SET why = coalesce(why, ?) WHERE id = ?", why, id);
  }

  remove(id: string): void {
    this.#db.run("DELETE FROM rekey WHERE id = ?", id);
  }
}
