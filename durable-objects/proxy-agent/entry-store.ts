/** SQL of the entries asked for. Their templates hold no key: none has come as far as this object. */
import type { SadEntry, SpdEntry } from "../../shared/ipsec/entry.ts";
import type { EntryKind, MadeKey } from "../../shared/ipsec/errand.ts";
import type { KeyLayout } from "../../shared/ipsec/key-layout.ts";
import type { EntryReason } from "../../shared/ipsec/outcome.ts";
import type { SaKey } from "../../shared/ipsec/rendezvous.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Database, storedJson } from "../storage/database.ts";

/** `keyed`: installed at this end, and the other has not said that it is there too. */
export type RowState = "queued" | "keyed" | "installed" | "failed" | "deleting";

interface Common {
  readonly id: number;
  readonly name: string;
  /** The name that was asked for: an SA made anew has another. */
  readonly origin: string;
  readonly reqid: string;
  readonly state: RowState;
  readonly warnings: readonly string[];
  readonly reason: EntryReason | null;
  readonly message: string | null;
  readonly principal: string;
  /** Of its state. */
  readonly changedMs: number;
  readonly installedMs: number | null;
  readonly dueMs: number | null;
}
export interface SpdRow extends Common {
  readonly kind: "spd";
  readonly entry: SpdEntry;
}
export interface SadRow extends Common {
  readonly kind: "sad";
  readonly entry: SadEntry;
  readonly layout: KeyLayout;
  readonly sa: SaKey;
  /** Null: nobody hears what becomes of it at the other end. */
  readonly peer: string | null;
  readonly made: MadeKey | null;
  readonly rekey: string | null;
  readonly failures: number;
}
export type EntryRow = SpdRow | SadRow;

/** What a new row begins with. */
export type NewEntry = Pick<Common, "warnings" | "principal" | "origin"> &
  (Pick<SpdRow, "kind" | "entry"> | Pick<SadRow, "kind" | "entry" | "layout" | "sa" | "peer" | "rekey">);

type Row = {
  id: number;
  kind: EntryKind;
  name: string;
  origin: string;
  reqid: string;
  template: string;
  layout: string | null;
  state: RowState;
  source: string | null;
  destination: string | null;
  spi: number | null;
  peer: string | null;
  ksid: string | null;
  made: string | null;
  warnings: string;
  reason: EntryReason | null;
  message: string | null;
  principal: string;
  changed_ms: number;
  installed_ms: number | null;
  due_ms: number | null;
  rekey: string | null;
  failures: number;
};

function rowOf(row: Row): EntryRow {
  const { id, name, origin, reqid, state, reason, message, principal } = row;
  const warnings = storedJson<readonly string[]>(row.warnings);
  const more = { warnings, changedMs: row.changed_ms, installedMs: row.installed_ms, dueMs: row.due_ms };
  const common = { id, name, origin, reqid, state, reason, message, principal, ...more };
  if (row.kind === "spd") return { ...common, kind: "spd", entry: storedJson<SpdEntry>(row.template) };
  return {
    ...common,
    kind: "sad",
    entry: storedJson<SadEntry>(row.template),
    layout: storedJson<KeyLayout>(row.layout ?? "null"),
    sa: { sourcePrefix: row.source ?? "", destinationPrefix: row.destination ?? "", spi: row.spi ?? 0 },
    peer: row.peer,
    made: row.made === null ? null : storedJson<MadeKey>(row.made),
    rekey: row.rekey,
    failures: row.failures,
  };
}

/** With something to be done when it is due. */
const WAITING = "state IN ('keyed', 'installed') AND rekey IS NULL";

export class EntryStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  add(entry: NewEntry, nowMs: number): number {
    const sad = entry.kind === "sad" ? entry : null;
    const row = this.#db.one<{ id: number }>(
      `INSERT INTO entry (kind, name, origin, reqid, template, layout, state, source, destination, spi, peer, warnings,
         principal, changed_ms, rekey)
       VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      entry.kind,
      entry.entry.name,
      entry.origin,
      entry.entry.reqid ?? "0",
      JSON.stringify(entry.entry),
      sad === null ? null : JSON.stringify(sad.layout),
      sad?.sa.sourcePrefix ?? null,
      sad?.sa.destinationPrefix ?? null,
      sad?.sa.spi ?? null,
      sad?.peer ?? null,
      JSON.stringify(entry.warnings),
      entry.principal,
      nowMs,
      sad?.rekey ?? null,
    );
    return row?.id ?? 0;
  }

  get(id: number): EntryRow | null {
    return this.#first("WHERE id = ?", id);
  }

  /** By its own name, or else by the one that was asked for: of an SA made anew, once that is done. */
  named(kind: EntryKind, name: string): EntryRow | null {
    return (
      this.#first("WHERE kind = ? AND name = ?", kind, name) ??
      this.#first(
        `WHERE kind = ? AND origin = ? AND NOT (state = 'queued' AND rekey IS NOT NULL) ORDER BY id DESC LIMIT 1`,
        kind,
        name,
      )
    );
  }

  /** The SA that has, or is to have, this SPI at that destination; failed ones do not count. */
  withSpi(destination: string, spi: number): SadRow | null {
    const row = this.#first("WHERE destination = ? AND spi = ? AND state != 'failed' LIMIT 1", destination, spi);
    return row?.kind === "sad" ? row : null;
  }

  /** The latest of this SA, failed ones included. */
  ofSa({ sourcePrefix, destinationPrefix, spi }: SaKey): SadRow | null {
    const sql = "WHERE source = ? AND destination = ? AND spi = ? ORDER BY state = 'failed', id DESC LIMIT 1";
    const row = this.#first(sql, sourcePrefix, destinationPrefix, spi);
    return row?.kind === "sad" ? row : null;
  }

  /** The SAs between two prefixes, in both directions, that are in use. */
  ofTunnel(one: string, other: string): readonly SadRow[] {
    const rows = this.#all(
      `WHERE ((source = ?1 AND destination = ?2) OR (source = ?2 AND destination = ?1)) AND state = 'installed'
       ORDER BY source, destination, spi LIMIT ?3`,
      one,
      other,
      LIMITS.ipsecTunnelSas + 1,
    );
    return rows.filter((row) => row.kind === "sad");
  }

  /** Of all SAs to a destination. */
  spis(destination: string): ReadonlySet<number> {
    const rows = this.#db.all<{ spi: number }>("SELECT spi FROM entry WHERE destination = ?", destination);
    return new Set(rows.map(({ spi }) => spi));
  }

  ofRekey(rekey: string): readonly SadRow[] {
    return this.#all("WHERE rekey = ? ORDER BY id", rekey).filter((row) => row.kind === "sad");
  }

  policies(reqid: string): readonly SpdEntry[] {
    const sql = "WHERE kind = 'spd' AND reqid = ? AND state != 'failed' ORDER BY id DESC LIMIT 16";
    return this.#all(sql, reqid).flatMap((row) => (row.kind === "spd" ? [row.entry] : []));
  }

  /** Keyed ones whose other end is given up, installed ones that are to be made anew. */
  due(nowMs: number, limit: number): readonly SadRow[] {
    const rows = this.#all(`WHERE due_ms <= ? AND ${WAITING} ORDER BY due_ms LIMIT ?`, nowMs, limit);
    return rows.filter((row) => row.kind === "sad");
  }

  nextDueMs(): number | null {
    const sql = `SELECT min(due_ms) AS ms FROM entry WHERE due_ms IS NOT NULL AND ${WAITING}`;
    return this.#db.one<{ ms: number | null }>(sql)?.ms ?? null;
  }

  count(): number {
    return this.#db.one<{ n: number }>("SELECT count(*) AS n FROM entry WHERE state != 'failed'")?.n ?? 0;
  }

  counts(): { readonly entries: number; readonly failed: number } {
    const sql = "SELECT count(*) AS entries, count(*) FILTER (WHERE state = 'failed') AS failed FROM entry";
    return this.#db.one<{ entries: number; failed: number }>(sql) ?? { entries: 0, failed: 0 };
  }

  /** Latest change first. */
  list(limit: number): readonly EntryRow[] {
    return this.#all("ORDER BY changed_ms DESC, id DESC LIMIT ?", limit);
  }

  after(id: number, limit: number): readonly EntryRow[] {
    return this.#all("WHERE id > ? ORDER BY id LIMIT ?", id, limit);
  }

  keyed({ id, warnings }: Pick<SadRow, "id" | "warnings">, made: MadeKey, dueMs: number, nowMs: number): void {
    const sql = `UPDATE entry SET state = 'keyed', ksid = ?, made = ?, warnings = ?, due_ms = ?, changed_ms = ? WHERE id = ?`;
    this.#db.run(sql, made.ksid, JSON.stringify(made), JSON.stringify(warnings), dueMs, nowMs, id);
  }

  /** Of an SA that a rekey makes: the state is the rekey's to change. */
  made(id: number, made: MadeKey): void {
    this.#db.run("UPDATE entry SET ksid = ?, made = ? WHERE id = ?", made.ksid, JSON.stringify(made), id);
  }

  installed(id: number, warnings: readonly string[], dueMs: number | null, nowMs: number): void {
    this.#db.run(
      `UPDATE entry SET state = 'installed', warnings = ?, due_ms = ?, installed_ms = ?, changed_ms = ?, rekey = NULL,
         failures = 0 WHERE id = ?`,
      JSON.stringify(warnings),
      dueMs,
      nowMs,
      nowMs,
      id,
    );
  }

  failed(id: number, reason: EntryReason, message: string, nowMs: number): void {
    const sql = `UPDATE entry SET state = 'failed', reason = ?, message = ?, due_ms = NULL, changed_ms = ? WHERE id = ?`;
    this.#db.run(sql, reason, message, nowMs, id);
    this.#db.run(
      `DELETE FROM entry WHERE state = 'failed' AND id IN
         (SELECT id FROM entry WHERE state = 'failed' ORDER BY changed_ms DESC, id DESC LIMIT -1 OFFSET ?)`,
      LIMITS.ipsecFailedEntries,
    );
  }

  setState(id: number, state: RowState, nowMs: number): void {
    this.#db.run("UPDATE entry SET state = ?, changed_ms = ? WHERE id = ?", state, nowMs, id);
  }

  /** @param principal who asked for it */
  deleting(id: number, principal: string, nowMs: number): void {
    const sql = "UPDATE entry SET state = 'deleting', principal = ?, changed_ms = ? WHERE id = ?";
    this.#db.run(sql, principal, nowMs, id);
  }

  /** @param rekey that it takes part in from now on; null: in none */
  setRekey(id: number, rekey: string | null): void {
    this.#db.run("UPDATE entry SET rekey = ? WHERE id = ?", rekey, id);
  }

  setDue(id: number, dueMs: number | null, failures: number): void {
    this.#db.run("UPDATE entry SET due_ms = ?, failures = ? WHERE id = ?", dueMs, failures, id);
  }

  remove(id: number): void {
    this.#db.run("DELETE FROM entry WHERE id = ?", id);
  }

  #first(where: string, ...params: readonly (string | number)[]): EntryRow | null {
    const row = this.#db.one<Row>(`SELECT * FROM entry ${where}`, ...params);
    return row === undefined ? null : rowOf(row);
  }

  #all(rest: string, ...params: readonly (string | number)[]): readonly EntryRow[] {
    return this.#db.all<Row>(`SELECT * FROM entry ${rest}`, ...params).map((row) => rowOf(row));
  }
}
