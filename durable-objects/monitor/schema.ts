/** DDL of the Monitor object. */
import type { Migration } from "../storage/migrations.ts";
import { laterAlarmMigration } from "./alarm-store.ts";
import { alarmsMigration } from "./alarms.ts";
import { tallyMigration } from "./tallies.ts";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    minReader: 1,
    sql: `
      -- Figures of one step of a ring (by the length of its steps), of some entities: see shared/monitor/rings.ts.
      CREATE TABLE step (
        step_s INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        part INTEGER NOT NULL,
        at_s INTEGER NOT NULL,     -- unix seconds of its beginning
        figures TEXT NOT NULL,     -- JSON
        PRIMARY KEY (step_s, part, slot)
      ) WITHOUT ROWID;
      -- Stocks of the last sample that is kept, of some entities: rates go on from there.
      CREATE TABLE stock (
        part INTEGER PRIMARY KEY,
        stocks TEXT NOT NULL       -- JSON
      ) WITHOUT ROWID;
      ${alarmsMigration}
      ${tallyMigration}
    `,
  },
  { version: 2, minReader: 1, sql: laterAlarmMigration },
];
