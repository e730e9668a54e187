/** What makes a pool notice what somebody should look into. */
import type { PairName } from "../../shared/ids.ts";
import type { Database } from "../storage/database.ts";
import { BiasedSource } from "./biased-source.ts";
import type { Books } from "./books.ts";
import { ProbeWatch } from "./probe-watch.ts";
import { StandingAlarms } from "./standing-alarms.ts";

export function watchful(db: Database, books: Pick<Books, "audit">, pair: PairName) {
  const standingAlarms = new StandingAlarms(db, books, pair);
  return { standingAlarms, biasedSource: new BiasedSource(standingAlarms), probes: new ProbeWatch() };
}
