/** Alarms of how the agent is configured: in the log at the start, and again once in a while, as they stand as long as it runs. */
import { LIMITS } from "../../shared/limits.ts";
import type { Log, LogFields } from "../log.ts";

/** @returns to be called at the end */
export function raiseAlarms(alarms: readonly LogFields[], log: Log): () => void {
  if (alarms.length === 0) return () => undefined;
  const raise = (): void => {
    for (const fields of alarms) log("warn", "alarm", fields);
  };
  raise();
  const timer = setInterval(raise, LIMITS.localAlarmMs);
  return () => clearInterval(timer);
}
