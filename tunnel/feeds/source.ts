/** What every feed is to the agent, whatever its device: something that fills a spool until it is told to stop. */
import type { Log, LogFields } from "../log.ts";
import type { Spool } from "../spool/spool.ts";
import type { FeedAlarms } from "./alarms.ts";
import type { Send } from "./edge.ts";
import type { Intake } from "./intake.ts";
import type { Backpressure } from "./pressure.ts";

export interface SourceParts {
  readonly spool: Spool;
  readonly intake: Intake;
  readonly pressure: Backpressure;
  readonly alarms: FeedAlarms;
  readonly log: Log;
  readonly send: Send;
  readonly spoolKey: Buffer;
  /** Puts figures of the device's own among the feed's gauges, in place of those before. */
  readonly show: (figures: LogFields) => void;
}

/** Ends, by a rejection or not, once `signal` is aborted; never before. What the device does wrong is an alarm. */
export type Source = (parts: SourceParts, signal: AbortSignal) => Promise<void>;
