/**
 * For how long those who want more than there is hold up others: `streamHoldUpMs` from when they first do. Whoever set
 * the priority may do so again once the very call that held others up has been served, or after `streamHoldUpAgainMs`:
 * asking for what can never be had, again and again, holds up nobody for more than that share of the time.
 */
import { LIMITS } from "../limits.ts";
import type { Turn } from "./turns.ts";

interface HoldUp {
  readonly turn: Turn;
  readonly sinceMs: number;
}

export class HoldUps {
  readonly #most: number;
  /** By holder, oldest first. */
  readonly #holdUps = new Map<string, HoldUp>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Does it hold others up now? From this moment on, where it may and has not yet. */
  holds(turn: Turn, nowMs: number): boolean {
    const known = this.#holdUps.get(turn.holder);
    if (known !== undefined && nowMs < known.sinceMs + LIMITS.streamHoldUpAgainMs) {
      return nowMs < known.sinceMs + LIMITS.streamHoldUpMs;
    }
    this.#holdUps.delete(turn.holder);
    this.#dropOld(nowMs);
    if (this.#holdUps.size >= this.#most) return false;
    this.#holdUps.set(turn.holder, { turn, sinceMs: nowMs });
    return true;
  }

  served(turn: Turn): void {
    if (this.#holdUps.get(turn.holder)?.turn === turn) this.#holdUps.delete(turn.holder);
  }

  #dropOld(nowMs: number): void {
    for (const [holder, { sinceMs }] of this.#holdUps) {
      if (nowMs < sinceMs + LIMITS.streamHoldUpAgainMs) return;
      this.#holdUps.delete(holder);
    }
  }
}
