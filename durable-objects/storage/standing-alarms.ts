/**
 * Standing alarms of an object: what somebody should look into, kept until it is cleared. Told to the audit log as
 * well, but not every time: a cause that repeats would fill the log.
 */
import type { AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "./database.ts";

/** To be part of a migration of every object that raises alarms. */
export const standingAlarmMigration = `
  CREATE TABLE standing_alarm (
    code TEXT NOT NULL,
    subject TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    audited_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    detail TEXT NOT NULL,     -- no key material
    PRIMARY KEY (code, subject)
  ) WITHOUT ROWID;
`;

type Row = {
  code: string;
  subject: string;
  first_ms: number;
  last_ms: number;
  audited_ms: number;
  count: number;
  detail: string;
};

export interface StandingAlarm<Code extends string> {
  readonly code: Code;
  readonly subject: string;
  readonly firstMs: number;
  readonly lastMs: number;
  /** How many times since `firstMs`. */
  readonly count: number;
  readonly detail: string;
}

export interface Raised {
  readonly nowMs: number;
  /** How many causes this call tells of; 1 where absent. */
  readonly times?: number;
}

export interface AlarmsOf {
  /** Alarms at once; beyond, the one that has been quiet for longest goes. */
  readonly max: number;
  readonly audit: (event: AuditEvent) => void;
  /** In whose log they are told, and what is said of each. */
  readonly node: string;
  readonly detail: Readonly<Record<string, string>>;
}

export class StandingAlarms<Code extends string> {
  readonly #db: Database;
  readonly #of: AlarmsOf;

  constructor(db: Database, of: AlarmsOf) {
    this.#db = db;
    this.#of = of;
  }

  /**
   * Inside a transaction: an alarm of this code and subject stands from now on, or goes on standing.
   * @param subject what it is about; few different ones a code, as each is an alarm of its own
   * @param detail for people; of the latest cause. Never key material.
   */
  raise(code: Code, subject: string, detail: string, { nowMs, times = 1 }: Raised): void {
    const told = detail.slice(0, LIMITS.alarmDetailChars);
    const standing = this.#db.one<Row>("SELECT * FROM standing_alarm WHERE code = ? AND subject = ?", code, subject);
    const count = (standing?.count ?? 0) + times;
    const quiet = standing !== undefined && nowMs < standing.audited_ms + LIMITS.alarmAuditMs;
    this.#db.run(
      `INSERT OR REPLACE INTO standing_alarm (code, subject, first_ms, last_ms, audited_ms, count, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      code,
      subject,
      standing?.first_ms ?? nowMs,
      nowMs,
      quiet ? standing.audited_ms : nowMs,
      count,
      told,
    );
    if (standing === undefined) this.#makeRoom();
    if (!quiet) this.#audit("alarm.raised", "system", nowMs, { code, subject, count, detail: told });
  }

  /**
   * Inside a transaction: the alarms of a code, or one of them, stand no longer.
   * @param who principal, or `system` where the cause is gone
   * @returns how many they were
   */
  clear(code: Code, subject: string | null, who: string, nowMs: number): number {
    const standing = this.#db.all<Row>(
      "SELECT * FROM standing_alarm WHERE code = ? AND (?2 IS NULL OR subject = ?2)",
      code,
      subject,
    );
    for (const { subject: each, count } of standing) {
      this.#db.run("DELETE FROM standing_alarm WHERE code = ? AND subject = ?", code, each);
      this.#audit("alarm.cleared", who, nowMs, { code, subject: each, count });
    }
    return standing.length;
  }

  /** Latest first. */
  list(): StandingAlarm<Code>[] {
    return this.#db.all<Row>("SELECT * FROM standing_alarm ORDER BY last_ms DESC, code, subject").map((row) => ({
      code: row.code as Code,
      subject: row.subject,
      firstMs: row.first_ms,
      lastMs: row.last_ms,
      count: row.count,
      detail: row.detail,
    }));
  }

  #makeRoom(): void {
    this.#db.run(
      `DELETE FROM standing_alarm WHERE (code, subject) IN
         (SELECT code, subject FROM standing_alarm ORDER BY last_ms DESC LIMIT -1 OFFSET ?)`,
      this.#of.max,
    );
  }

  #audit(act: string, who: string, atMs: number, detail: Record<string, string | number>): void {
    const { audit, node, detail: common } = this.#of;
    audit({ atMs, act, who, node, detail: { ...detail, ...common } });
  }
}
