/** Refusals that a client may repeat a thousand times a second are counted, and told to the audit log now and then. */
import { LIMITS } from "../../shared/limits.ts";

interface Told {
  readonly atMs: number;
  /** Since then. */
  readonly refusals: number;
}

export class RefusalCounter {
  readonly #told = new Map<string, Told>();

  /** Counts one. @returns how many the log is to be told of now: 0, or all since it was told last */
  count(who: string, reason: string, nowMs: number): number {
    const name = `${reason} ${who}`;
    const last = this.#told.get(name);
    const refusals = (last?.refusals ?? 0) + 1;
    const quiet = last !== undefined && nowMs < last.atMs + LIMITS.refusalAuditMs;
    this.#told.delete(name);
    this.#told.set(name, quiet ? { ...last, refusals } : { atMs: nowMs, refusals: 0 });
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= LIMITS.cachedUsages) break;
      this.#told.delete(oldest);
    }
    return quiet ? 0 : refusals;
  }
}
