/** Notices who asks for keys that are not theirs, or not there: a lost message makes few such requests, a probe or a replay many. */
import type { ErrorCode } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";

/** How much one refusal counts. Nobody learns the ID of a key of others by a mistake of its own. */
const WEIGHTS: Readonly<Partial<Record<ErrorCode, number>>> = { "key-not-found": 1, unauthorised: 5 };

interface Counted {
  readonly sinceMs: number;
  readonly weight: number;
}

export class ProbeWatch {
  readonly #counted = new Map<string, Counted>();

  /** Counts a refusal. @returns whether they are so many within LIMITS.probeMs that somebody should know */
  refused(principal: string, code: ErrorCode, nowMs: number): boolean {
    const before = this.#counted.get(principal);
    const goesOn = before !== undefined && nowMs < before.sinceMs + LIMITS.probeMs;
    const weight = (goesOn ? before.weight : 0) + (WEIGHTS[code] ?? 0);
    this.#counted.delete(principal);
    this.#counted.set(principal, { sinceMs: goesOn ? before.sinceMs : nowMs, weight });
    const [oldest] = this.#counted.keys();
    if (this.#counted.size > LIMITS.cachedUsages && oldest !== undefined) this.#counted.delete(oldest);
    return weight >= LIMITS.probeWeight;
  }
}
