/** What a feed wants an operator to look into. An alarm stands until its cause is gone. Never holds key material. */
import { LIMITS } from "../../shared/limits.ts";
import { MODULE_ALARMS } from "../../shared/qkd-module/alarms.ts";
import { type Log, throttled } from "../log.ts";

/** code -> what it says. Codes are stable: clients and scripts match them. */
const FEED_ALARMS = {
  "spool-full": "the spool is full: the device is not read until blocks leave it",
  "disk-full": "the spool cannot be written: the device is not read until it can",
  "spool-damaged": "a block in the spool cannot be opened and was set apart",
  "edge-unreachable": "the edge does not answer: blocks wait in the spool",
  "edge-refuses": "the edge takes no blocks for now: they wait in the spool",
  "block-refused": "the edge will not take a block: it was set aside in the spool, until the next start",
  "block-quarantined": "the edge has quarantined a block",
  "device-silent": "the device cannot be reached, or does not answer in time",
  "device-refuses": "the device answers with an error",
  "device-garbage": "the device answers something that is not what was asked for",
  "device-repeats": "the device gives key IDs that it has given before",
  "keys-not-had": "keys that the other end has pushed cannot be had from this end's device",
  "file-unusable": "a file in the device's folder cannot be used",
  "file-changed": "a file changed although it was complete",
  ...MODULE_ALARMS,
  "module-peer-key": "the other end's public key is not there: the module waits for it",
  "command-ended": "the device's tool has ended or cannot be run: it is started again",
} as const satisfies Record<string, string>;

export type FeedAlarmCode = keyof typeof FEED_ALARMS;

export interface FeedAlarm {
  readonly code: FeedAlarmCode;
  /** What it is about: a block, a file; empty where it is the feed as a whole. */
  readonly subject: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  readonly detail: string;
}

const nameOf = (code: FeedAlarmCode, subject: string): string => `${code} ${subject}`;

/** Those of one feed; logged when they are raised first or for another reason, and when they are cleared. */
export class FeedAlarms {
  readonly #log: Log;
  readonly #crowded: Log;
  readonly #now: () => number;
  /** The one raised latest comes last. */
  readonly #standing = new Map<string, FeedAlarm>();

  constructor(log: Log, now: () => number = Date.now) {
    this.#log = log;
    this.#crowded = throttled(log, LIMITS.alarmAuditMs, now);
    this.#now = now;
  }

  get standing(): readonly FeedAlarm[] {
    return [...this.#standing.values()];
  }

  raise(code: FeedAlarmCode, detail: string, subject = ""): void {
    const name = nameOf(code, subject);
    const known = this.#standing.get(name);
    const nowMs = this.#now();
    const alarm = {
      code,
      subject: subject.slice(0, LIMITS.alarmDetailChars),
      firstMs: known?.firstMs ?? nowMs,
      lastMs: nowMs,
      count: (known?.count ?? 0) + 1,
      detail: detail.slice(0, LIMITS.alarmDetailChars),
    };
    // With more of them than can be kept, the log would be told the same again and again.
    const log = known === undefined && this.#standing.size >= LIMITS.feedAlarms ? this.#crowded : this.#log;
    this.#standing.delete(name);
    this.#standing.set(name, alarm);
    for (const quietest of this.#standing.keys()) {
      if (this.#standing.size <= LIMITS.feedAlarms) break;
      this.#standing.delete(quietest);
    }
    if (known?.detail === alarm.detail) return;
    log("warn", "feed alarm", { code, meaning: FEED_ALARMS[code], subject: alarm.subject, detail: alarm.detail });
  }

  clear(code: FeedAlarmCode, subject = ""): void {
    if (!this.#standing.delete(nameOf(code, subject))) return;
    this.#log("info", "feed alarm cleared", { code, subject: subject.slice(0, LIMITS.alarmDetailChars) });
  }
}
