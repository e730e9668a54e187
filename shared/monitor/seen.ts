/** All that a view is made of. Types only. */
import type { AuditRecord } from "../audit/event.ts";
import type { Answers, RelayedPool } from "./answers.ts";
import type { WatchedNetwork } from "./network.ts";
import type { StockMeters } from "./rates.ts";

export interface Seen {
  readonly network: WatchedNetwork;
  /** The pools of relayed key that are known. */
  readonly pairs: readonly RelayedPool[];
  readonly answers: Answers;
  /** By `link:ID` and `pair:ID`. */
  readonly meters: Pick<StockMeters, "rates">;
  /** The newest records of all logs, the oldest first. */
  readonly audit: readonly AuditRecord[];
  readonly nowMs: number;
  readonly periodMs: number;
}
