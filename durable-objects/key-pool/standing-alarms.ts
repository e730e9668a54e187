/** A pool's standing alarms: see storage/standing-alarms.ts. They are told in the log of the pair's lower node. */
import type { PoolAlarmCode } from "../../shared/keypool/alarms.ts";
import { type PairName, parsePairName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";
import { StandingAlarms as Standing } from "../storage/standing-alarms.ts";
import type { Books } from "./books.ts";

export class StandingAlarms extends Standing<PoolAlarmCode> {
  constructor(db: Database, books: Pick<Books, "audit">, pair: PairName) {
    super(db, {
      max: LIMITS.poolAlarms,
      audit: (event) => books.audit(event),
      node: parsePairName(pair).low,
      detail: { pool: pair },
    });
  }
}
