/**
 * The log of the Worker and its objects: a line of JSON each, with the ids of the request that it is about. Of one kind so
 * many in a minute, with how many there were besides since the last: no client can fill it. Kinds are our own words, never
 * a caller's; of keys, tokens and bodies it never hears.
 */
import { LIMITS } from "../../shared/limits.ts";
import { scopeFields } from "./scope.ts";

const INTERVAL_MS = 60_000;
/** Some kinds tell a place in a malformed name: of one event no more are kept apart than this. */
const MAX_KINDS = 64;
const OTHERS = "another reason";

export type Level = "warn" | "error";
type Fields = Readonly<Record<string, string | number | null>>;

export interface Note {
  readonly level: Level;
  readonly event: string;
  /** What tells this line from others of the event. */
  readonly reason: string;
  readonly fields?: Fields;
}

interface Noted {
  nextMs: number;
  lines: number;
  suppressed: number;
}

export class BoundedLog {
  readonly #write: (line: string, level: Level) => void;
  readonly #nowMs: () => number;
  /** By event, so that what anybody can cause hides nothing else; and reason. */
  readonly #noted = new Map<string, Map<string, Noted>>();

  constructor(write: (line: string, level: Level) => void, nowMs: () => number = () => Date.now()) {
    this.#write = write;
    this.#nowMs = nowMs;
  }

  note({ level, event, reason: told, fields = {} }: Note): void {
    const nowMs = this.#nowMs();
    const kinds = this.#noted.get(event) ?? new Map<string, Noted>();
    this.#noted.set(event, kinds);
    const reason = kinds.has(told) || kinds.size < MAX_KINDS ? told : OTHERS;
    const noted = notedOf(kinds, reason, nowMs);
    if (noted.lines >= LIMITS.logLinesAMinute) {
      noted.suppressed += 1;
      return;
    }
    const more = noted.suppressed === 0 ? {} : { suppressed: noted.suppressed };
    noted.lines += 1;
    noted.suppressed = 0;
    const at = new Date(nowMs).toISOString();
    this.#write(JSON.stringify({ at, level, event, reason, ...scopeFields(), ...fields, ...more }), level);
  }
}

function notedOf(kinds: Map<string, Noted>, reason: string, nowMs: number): Noted {
  const noted = kinds.get(reason) ?? { nextMs: nowMs + INTERVAL_MS, lines: 0, suppressed: 0 };
  kinds.set(reason, noted);
  if (nowMs >= noted.nextMs) {
    noted.nextMs = nowMs + INTERVAL_MS;
    noted.lines = 0;
  }
  return noted;
}

/** This isolate's. */
// oxlint-disable-next-line no-console -- the one place that writes it
export const isolateLog = new BoundedLog((line, level) => console[level](line));
