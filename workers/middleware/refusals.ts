/**
 * Why callers are answered 401, for who runs this: the answer itself says nothing (ETSI GS QKD 014 wants it empty). A
 * line a reason and minute, with how many there were since the last: no client can fill the log. Reasons are our own
 * words, never a caller's.
 */
const INTERVAL_MS = 60_000;
/** Some reasons tell a place in a malformed name: no more of them are kept apart than this. */
const MAX_REASONS = 64;

interface Noted {
  nextMs: number;
  suppressed: number;
}

export class Refusals {
  readonly #log: (line: string) => void;
  readonly #nowMs: () => number;
  readonly #noted = new Map<string, Noted>();

  constructor(log: (line: string) => void, nowMs: () => number = Date.now) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  note(told: string): void {
    const reason = this.#noted.has(told) || this.#noted.size < MAX_REASONS ? told : "another reason";
    const nowMs = this.#nowMs();
    const noted = this.#noted.get(reason) ?? { nextMs: nowMs, suppressed: 0 };
    this.#noted.set(reason, noted);
    if (nowMs < noted.nextMs) {
      noted.suppressed += 1;
      return;
    }
    const at = new Date(nowMs).toISOString();
    const more = noted.suppressed === 0 ? {} : { suppressed: noted.suppressed };
    this.#log(JSON.stringify({ at, level: "warn", event: "unauthorised", reason, ...more }));
    noted.nextMs = nowMs + INTERVAL_MS;
    noted.suppressed = 0;
  }
}

/** This isolate's. */
// oxlint-disable-next-line no-console -- the Worker's log
export const refusals = new Refusals((line) => console.warn(line));
