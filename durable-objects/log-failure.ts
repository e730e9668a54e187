/** What goes wrong with nobody who could be told of it, in the log. */
import { isolateLog } from "./telemetry/bounded-log.ts";

/** @param what our own words for what was done: lines of one kind are bounded together */
export const logFailure = (what: string, error: unknown): void =>
  isolateLog.note({
    level: "error",
    event: "failed",
    reason: what,
    fields: { error: error instanceof Error ? error.message : "failed" },
  });
