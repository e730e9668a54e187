/**
 * Who is served first where a pool has too little for all: higher priority first, then who came first. Nobody goes
 * before somebody who waits and stands ahead. Pure; who wakes them, and when they give up, is up to the caller.
 */

export interface Turn {
  readonly priority: number;
  /** What it waits for. */
  readonly bytes: number;
  readonly wake: () => void;
  /** It may not take any now, whatever there is: others need not wait for it. */
  isAside: boolean;
}

export class Turns {
  readonly #maxWaiting: number;
  /** In the order in which they are served. */
  readonly #waiting: Turn[] = [];

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** @returns null where too many wait already */
  join(wish: Omit<Turn, "isAside">): Turn | null {
    if (this.#waiting.length >= this.#maxWaiting) return null;
    const turn = { ...wish, isAside: false };
    const at = this.#waiting.findIndex(({ priority }) => priority < wish.priority);
    this.#waiting.splice(at === -1 ? this.#waiting.length : at, 0, turn);
    return turn;
  }

  leave(turn: Turn): void {
    const at = this.#waiting.indexOf(turn);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** May it be served now? @param turn null: one that has just come, as the last of its priority */
  mayGo(turn: Turn | null, priority: number): boolean {
    for (const ahead of this.#waiting) {
      if (ahead === turn || ahead.priority < priority) return true;
      if (!ahead.isAside) return false;
    }
    return true;
  }

  /** Wakes who is next, if so much is there for it. */
  supplied(bytes: number): void {
    const next = this.#waiting.find(({ isAside }) => !isAside);
    if (next !== undefined && next.bytes <= bytes) next.wake();
  }
}
