/** What the isolates of the Worker have told of the requests they answered: in all, and of late. */
import type { MonitorOperation } from "../../shared/api/monitor-schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { isError, quantileSeconds, requestsOf, sumOf, type Tally } from "../../shared/metrics/tally.ts";
import { type Database, storedJson } from "../storage/database.ts";

/** To be part of a migration of the Monitor. */
export const tallyMigration = `
  -- Requests since the beginning, by operation: see shared/metrics/tally.ts.
  CREATE TABLE tally (operation TEXT PRIMARY KEY, counted TEXT NOT NULL) WITHOUT ROWID;
`;

interface Report {
  readonly atMs: number;
  readonly tally: Tally;
}

export class Tallies {
  readonly #db: Database;
  #totals: Tally;
  /** Of the last `monitorRateMs`; as many reports as that at most. */
  #reports: Report[] = [];

  constructor(db: Database) {
    this.#db = db;
    const rows = db.all<{ operation: string; counted: string }>("SELECT operation, counted FROM tally");
    this.#totals = Object.fromEntries(rows.map(({ operation, counted }) => [operation, storedJson(counted)]));
  }

  /** Since the beginning. */
  get totals(): Tally {
    return this.#totals;
  }

  add(tally: Tally, nowMs: number): void {
    const totals = sumOf([this.#totals, tally]);
    this.#db.transaction(() => {
      for (const operation of Object.keys(tally)) {
        const sum = totals[operation];
        if (sum === undefined) continue;
        this.#db.run("INSERT OR REPLACE INTO tally (operation, counted) VALUES (?, ?)", operation, JSON.stringify(sum));
      }
    });
    this.#totals = totals;
    this.#reports = [...this.#recent(nowMs), { atMs: nowMs, tally }].slice(-LIMITS.tallyReports);
  }

  /** Those that were used of late. */
  operations(nowMs: number): MonitorOperation[] {
    this.#reports = this.#recent(nowMs);
    const sum = sumOf(this.#reports.map(({ tally }) => tally));
    return Object.entries(sum).map(([id, tally]) => ({
      id,
      requests_per_s: perSecond(requestsOf(tally)),
      errors_per_s: perSecond(requestsOf(tally, isError)),
      p50_ms: milliseconds(quantileSeconds(tally, 0.5)),
      p99_ms: milliseconds(quantileSeconds(tally, 0.99)),
    }));
  }

  #recent(nowMs: number): Report[] {
    return this.#reports.filter(({ atMs }) => nowMs - atMs < LIMITS.monitorRateMs);
  }
}

const perSecond = (requests: number): number => (1000 * requests) / LIMITS.monitorRateMs;
const milliseconds = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);
