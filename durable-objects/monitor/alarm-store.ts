/** All SQL of the deployment's alarms. Callers open the transactions. */
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import { instant } from "../../shared/instant.ts";
import { LIMITS } from "../../shared/limits.ts";
import { meaningOf, severityOf } from "../../shared/monitor/alarm-codes.ts";
import type { AlarmOf, CertificateFact } from "../../shared/monitor/alarm-facts.ts";
import { DEPLOYMENT } from "../../shared/monitor/alarm-facts.ts";
import type { Alarm, Lasting } from "../../shared/monitor/alarm-judge.ts";
import type { AlarmState, ShownCertificate } from "../../shared/monitor/alarm-rpc.ts";
import type { Database } from "../storage/database.ts";

/** To be part of a migration of the Monitor. */
export const alarmMigration = `
  CREATE TABLE alarm (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    by TEXT NOT NULL,         -- seen | told
    code TEXT NOT NULL,
    kind TEXT NOT NULL,
    of_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    detail TEXT NOT NULL,     -- no key material
    cleared_ms INTEGER,       -- null: it stands
    ack_by TEXT,
    ack_ms INTEGER,
    ack_note TEXT
  );
  CREATE UNIQUE INDEX alarm_standing ON alarm (code, kind, of_id, subject) WHERE cleared_ms IS NULL;
  CREATE INDEX alarm_cleared ON alarm (cleared_ms) WHERE cleared_ms IS NOT NULL;

  -- Client certificates that were shown of late.
  CREATE TABLE certificate (
    fingerprint TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

/** To be part of a later one. */
export const laterAlarmMigration = `
  -- Since when causes last whose alarms do not stand yet, and are gone whose alarms still do: see shared/monitor/alarm-judge.ts.
  CREATE TABLE lasting (
    what TEXT NOT NULL,       -- causes | gone
    alarm TEXT NOT NULL,      -- its key
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (what, alarm)
  ) WITHOUT ROWID;
  CREATE INDEX certificate_of ON certificate (principal, not_after_ms, seen_ms);
  CREATE INDEX certificate_end ON certificate (not_after_ms);
`;

type Row = {
  n: number;
  by: string;
  code: string;
  kind: string;
  of_id: string;
  subject: string;
  first_ms: number;
  last_ms: number;
  count: number;
  detail: string;
  cleared_ms: number | null;
  ack_by: string | null;
  ack_ms: number | null;
  ack_note: string | null;
};

/** As written by this store. */
interface Stored {
  readonly alarm: Alarm;
  readonly told: MonitorAlarm;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as `put` has written it
const ofRow = ({ kind, of_id: id }: Row): AlarmOf => ({ kind: kind as AlarmOf["kind"], id });

const alarmOf = (row: Row): Alarm => ({
  by: row.by === "seen" ? "seen" : "told",
  code: row.code,
  of: ofRow(row),
  subject: row.subject,
  firstMs: row.first_ms,
  lastMs: row.last_ms,
  count: row.count,
  detail: row.detail,
});

const toldOf = (row: Row): MonitorAlarm => ({
  id: String(row.n),
  code: row.code,
  severity: severityOf(row.code),
  of: ofRow(row),
  subject: row.subject,
  meaning: meaningOf(row.code, ofRow(row)),
  detail: row.detail,
  first: instant(row.first_ms),
  last: instant(row.last_ms),
  count: row.count,
  cleared: row.cleared_ms === null ? null : instant(row.cleared_ms),
  acknowledged: row.ack_by === null ? null : { by: row.ack_by, at: instant(row.ack_ms ?? 0), note: row.ack_note ?? "" },
});

/** The latest first. */
const WHERE: Readonly<Record<AlarmState, string>> = {
  standing: "WHERE cleared_ms IS NULL",
  cleared: "WHERE cleared_ms IS NOT NULL",
  all: "",
};
const STANDING = "code = ? AND kind = ? AND of_id = ? AND subject = ? AND cleared_ms IS NULL";

export class AlarmStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  standing(): Stored[] {
    return this.#db
      .all<Row>(`SELECT * FROM alarm ${WHERE.standing} ORDER BY n DESC`)
      .map((row) => ({ alarm: alarmOf(row), told: toldOf(row) }));
  }

  list(state: AlarmState): MonitorAlarm[] {
    const sql = `SELECT * FROM alarm ${WHERE[state]} ORDER BY n DESC LIMIT ?`;
    return this.#db.all<Row>(sql, LIMITS.alarmsListed).map(toldOf);
  }

  byId(id: string): MonitorAlarm | undefined {
    const row = /^[1-9][0-9]{0,14}$/.test(id)
      ? this.#db.one<Row>("SELECT * FROM alarm WHERE n = ?", Number(id))
      : undefined;
    return row === undefined ? undefined : toldOf(row);
  }

  /** A new one, or what has changed of one that stands. */
  put({ by, code, of, subject, firstMs, lastMs, count, detail }: Alarm): MonitorAlarm | undefined {
    const row = this.#db.one<Row>(
      `INSERT INTO alarm (by, code, kind, of_id, subject, first_ms, last_ms, count, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (code, kind, of_id, subject) WHERE cleared_ms IS NULL DO UPDATE SET
         first_ms = excluded.first_ms, last_ms = excluded.last_ms, count = excluded.count, detail = excluded.detail
       RETURNING *`,
      by,
      code,
      of.kind,
      of.id,
      subject,
      firstMs,
      lastMs,
      count,
      detail,
    );
    return row === undefined ? undefined : toldOf(row);
  }

  clear({ code, of, subject }: Alarm, nowMs: number): MonitorAlarm | undefined {
    const sql = `UPDATE alarm SET cleared_ms = ? WHERE ${STANDING} RETURNING *`;
    const row = this.#db.one<Row>(sql, nowMs, code, of.kind, of.id, subject);
    return row === undefined ? undefined : toldOf(row);
  }

  acknowledge(
    id: string,
    by: { readonly principal: string; readonly note: string; readonly nowMs: number } | null,
  ): void {
    const sql = "UPDATE alarm SET ack_by = ?, ack_ms = ?, ack_note = ? WHERE n = ?";
    this.#db.run(sql, by?.principal ?? null, by?.nowMs ?? null, by?.note ?? null, Number(id));
  }

  /** Cleared ones that are too old, or too many. */
  forgetOld(nowMs: number): void {
    this.#db.run("DELETE FROM alarm WHERE cleared_ms <= ?", nowMs - LIMITS.alarmsClearedMs);
    this.#db.run(
      `DELETE FROM alarm WHERE n IN
         (SELECT n FROM alarm WHERE cleared_ms IS NOT NULL ORDER BY cleared_ms DESC LIMIT -1 OFFSET ?)`,
      LIMITS.alarmsCleared,
    );
  }

  // ---- what lasts

  lasting(): Lasting {
    const rows = this.#db.all<{ what: string; alarm: string; since_ms: number }>("SELECT * FROM lasting");
    const of = (what: keyof Lasting) =>
      new Map(rows.filter((row) => row.what === what).map(({ alarm, since_ms: sinceMs }) => [alarm, sinceMs]));
    return { causes: of("causes"), gone: of("gone") };
  }

  /** Writes what has changed. @param before as it is stored */
  keepLasting(before: Lasting, now: Lasting): void {
    for (const what of ["causes", "gone"] as const) {
      for (const alarm of before[what].keys())
        if (!now[what].has(alarm)) this.#db.run("DELETE FROM lasting WHERE what = ? AND alarm = ?", what, alarm);
      const sql = "INSERT OR REPLACE INTO lasting (what, alarm, since_ms) VALUES (?, ?, ?)";
      for (const [alarm, sinceMs] of now[what])
        if (before[what].get(alarm) !== sinceMs) this.#db.run(sql, what, alarm, sinceMs);
    }
  }

  // ---- certificates

  sawCertificate({ fingerprint, principal, notBeforeMs, notAfterMs }: ShownCertificate, nowMs: number): void {
    const sql =
      "INSERT OR REPLACE INTO certificate (fingerprint, principal, not_before_ms, not_after_ms, seen_ms) VALUES (?, ?, ?, ?, ?)";
    this.#db.run(sql, fingerprint, principal, notBeforeMs, notAfterMs, nowMs);
  }

  forgetCertificates(nowMs: number): void {
    this.#db.run("DELETE FROM certificate WHERE seen_ms <= ?", nowMs - LIMITS.certificatesSeenMs);
    this.#db.run(
      `DELETE FROM certificate WHERE fingerprint IN
         (SELECT fingerprint FROM certificate ORDER BY seen_ms DESC LIMIT -1 OFFSET ?)`,
      LIMITS.certificatesSeen,
    );
  }

  /** Those that end soon enough to be looked at, but for those in whose place the principal shows another by now. */
  endingCertificates(nowMs: number): CertificateFact[] {
    type Certificate = { fingerprint: string; principal: string; not_before_ms: number; not_after_ms: number };
    return this.#db
      .all<Certificate>(
        `SELECT * FROM certificate AS one WHERE not_after_ms < ? AND NOT EXISTS
           (SELECT 1 FROM certificate AS other WHERE other.principal = one.principal
              AND other.not_after_ms > one.not_after_ms AND other.seen_ms > one.seen_ms + ?)`,
        nowMs + LIMITS.alarmCertificateMs,
        LIMITS.certificateReplacedMs,
      )
      .map((row) => ({
        of: DEPLOYMENT,
        subject: `${row.principal}, ${row.fingerprint.slice(0, 16)}`,
        notBeforeMs: row.not_before_ms,
        notAfterMs: row.not_after_ms,
      }));
  }
}
