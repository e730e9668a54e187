/**
 * Who is served first where a pool has too little for all: higher priority first, then who came first. Nobody goes
 * before somebody who stands ahead and could be served; one who wants more than there is holds the others up as well,
 * so that it is not overtaken for ever by those who want little, but not for long: see `HoldUps`. Pure; who wakes them,
 * and when they give up, is up to the caller.
 */
import { HoldUps } from "./hold-ups.ts";

export interface Turn {
  /** Whose priority it is. */
  readonly holder: string;
  readonly priority: number;
  /** What it waits for. */
  readonly bytes: number;
  readonly wake: () => void;
  /** It may not take any now, whatever there is: others need not wait for it. */
  isAside: boolean;
}

export interface Supply {
  readonly nowMs: number;
  /** Is so much there? */
  readonly has: (bytes: number) => boolean;
}

export class Turns {
  readonly #maxWaiting: number;
  readonly #holdUps: HoldUps;
  /** In the order in which they are served. */
  readonly #waiting: Turn[] = [];

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
    this.#holdUps = new HoldUps(maxWaiting);
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

  /** @param isServed it has what it waited for */
  leave(turn: Turn, isServed: boolean): void {
    const at = this.#waiting.indexOf(turn);
    if (at !== -1) this.#waiting.splice(at, 1);
    if (isServed) this.#holdUps.served(turn);
  }

  /** May it be served now? @param turn null: one that has just come, as the last of its priority */
  mayGo(turn: Turn | null, priority: number, supply: Supply): boolean {
    for (const ahead of this.#waiting) {
      if (ahead === turn || ahead.priority < priority) return true;
      if (!ahead.isAside && (supply.has(ahead.bytes) || this.#holdUps.holds(ahead, supply.nowMs))) return false;
    }
    return true;
  }

  /** Wakes who is next, if so much is there for it. */
  supplied({ nowMs, has }: Supply): void {
    for (const turn of this.#waiting) {
      if (turn.isAside) continue;
      if (has(turn.bytes)) {
        turn.wake();
        return;
      }
      if (this.#holdUps.holds(turn, nowMs)) return;
    }
  }
}
