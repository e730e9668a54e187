/**
 * The pool's standing alarms: what an operator should look into, kept until it is cleared. Told to the audit log as
 * well, but not every time: a cause that repeats would fill the log.
 */
import type { PoolAlarm, PoolAlarmCode } from "../../shared/keypool/alarms.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type PairName, parsePairName } from "../../shared/ids.ts";
import type { Database } from "../storage/database.ts";
import type { Books } from "./books.ts";

type Row = {
  code: string;
  subject: string;
  first_ms: number;
  last_ms: number;
  audited_ms: number;
  count: number;
  detail: string;
};

export interface Raised {
  readonly nowMs: number;
  /** How many causes this call tells of; 1 where absent. */
  readonly times?: number;
}

export class StandingAlarms {
  readonly #db: Database;
  readonly #books: Pick<Books, "audit">;
  readonly #pair: PairName;

  constructor(db: Database, books: Pick<Books, "audit">, pair: PairName) {
    this.#db = db;
    this.#books = books;
    this.#pair = pair;
  }

  /**
   * Inside a commit: an alarm of this code and subject stands from now on, or goes on standing.
   * @param subject what it is about; few different ones a code, as each is an alarm of its own
   * @param detail for people; of the latest cause. Never key material.
   */
  raise(code: PoolAlarmCode, subject: string, detail: string, { nowMs, times = 1 }: Raised): void {
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
   * Inside a commit: the alarms of a code, or one of them, stand no longer.
   * @param who principal, or `system` where the cause is gone
   * @returns how many they were
   */
  clear(code: PoolAlarmCode, subject: string | null, who: string, nowMs: number): number {
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
  list(): PoolAlarm[] {
    return this.#db.all<Row>("SELECT * FROM standing_alarm ORDER BY last_ms DESC, code, subject").map((row) => ({
      code: row.code as PoolAlarmCode,
      subject: row.subject,
      firstMs: row.first_ms,
      lastMs: row.last_ms,
      count: row.count,
      detail: row.detail,
    }));
  }

  /** The one that has been quiet for longest goes. */
  #makeRoom(): void {
    this.#db.run(
      `DELETE FROM standing_alarm WHERE (code, subject) IN
         (SELECT code, subject FROM standing_alarm ORDER BY last_ms DESC LIMIT -1 OFFSET ?)`,
      LIMITS.poolAlarms,
    );
  }

  #audit(act: string, who: string, atMs: number, detail: Record<string, string | number>): void {
    const node = parsePairName(this.#pair).low;
    this.#books.audit({ atMs, act, who, node, detail: { ...detail, pool: this.#pair } });
  }
}
