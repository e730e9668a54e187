/** Alarms that stand: raised once, whatever the number of times, and cleared once their cause is gone. */
import { LIMITS } from "../../limits.ts";
import type { FloodAlarmCode, FloodAlarmEvent } from "./types.ts";

interface Standing extends Pick<FloodAlarmEvent, "code" | "subject"> {
  readonly happenedMs: number | null;
}

export class FloodAlarms {
  /** The one that has been quiet for longest first. */
  readonly #standing = new Map<string, Standing>();
  readonly #onEvent: (event: FloodAlarmEvent) => void;

  constructor(onEvent: (event: FloodAlarmEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @param happenedMs of what happens and is over: it is cleared by `clearQuiet`. Null: it lasts until it is cleared */
  raise(code: FloodAlarmCode, subject: string, detail: string, happenedMs: number | null = null): void {
    const key = keyOf(code, subject);
    const isNew = !this.#standing.delete(key);
    this.#standing.set(key, { code, subject, happenedMs });
    if (isNew) this.#onEvent({ code, subject, detail: detail.slice(0, LIMITS.alarmDetailChars) });
    const [quietest] = this.#standing.values();
    if (this.#standing.size > LIMITS.floodAlarms && quietest !== undefined) this.clear(quietest.code, quietest.subject);
  }

  clear(code: FloodAlarmCode, subject: string): void {
    if (this.#standing.delete(keyOf(code, subject))) this.#onEvent({ code, subject, detail: null });
  }

  /** An operator has looked into those of a code: what happens from now on is raised anew. */
  forget(code: string): void {
    for (const [key, standing] of this.#standing) if (standing.code === code) this.#standing.delete(key);
  }

  /** Those that have not happened again since. */
  clearQuiet(sinceMs: number): void {
    for (const { code, subject, happenedMs } of this.#standing.values()) {
      if (happenedMs !== null && happenedMs < sinceMs) this.clear(code, subject);
    }
  }

  /** Of a node that has left. */
  clearAll(subject: string): void {
    for (const alarm of this.#standing.values()) if (alarm.subject === subject) this.clear(alarm.code, subject);
  }
}

const keyOf = (code: FloodAlarmCode, subject: string): string => `${code} ${subject}`;
