/** What waits to be told to somebody who may be away: in order, so many at once, the oldest left out where there are too many. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { retryDelayMs } from "../../../shared/retry.ts";

export type Told = "told" | "refused" | "later";

export interface OutboxOptions<T> {
  readonly atOnce: number;
  /** Infinite: until it is told. */
  readonly attempts: number;
  /** `refused`: it would be the next time, too. Never rejects. */
  readonly tell: (items: readonly T[], signal: AbortSignal) => Promise<Told>;
  /** For the log: so many were not told. */
  readonly leftOut: (count: number) => void;
}

export class Outbox<T> {
  readonly #options: OutboxOptions<T>;
  readonly #closed = new AbortController();
  #items: T[] = [];
  #isTelling = false;

  constructor(options: OutboxOptions<T>) {
    this.#options = options;
  }

  put(item: T): void {
    if (this.#closed.signal.aborted) return;
    this.#items.push(item);
    if (this.#items.length > LIMITS.ipsecNotificationsHeld) {
      this.#items.shift();
      this.#options.leftOut(1);
    }
    if (!this.#isTelling) void this.#tellAll();
  }

  close(): void {
    this.#closed.abort();
    this.#items = [];
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true;
    while (this.#items.length > 0) {
      const some = this.#items.splice(0, this.#options.atOnce);
      if (!(await this.#tell(some))) this.#options.leftOut(some.length);
    }
    this.#isTelling = false;
  }

  async #tell(items: readonly T[]): Promise<boolean> {
    const { attempts, tell } = this.#options;
    const { signal } = this.#closed;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const told = await tell(items, signal);
      if (told !== "later") return told === "told";
      await sleep(retryDelayMs(attempt, null, Math.random()), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return false;
    }
    return false;
  }
}
