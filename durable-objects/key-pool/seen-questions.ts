/**
 * Signed questions that a pool has been asked, as long as they are fresh: whoever has kept one and asks it again is not
 * heard. In memory only, like the holds that the questions are about: after a restart there are none to give back.
 */
import { LIMITS } from "../../shared/limits.ts";

/** A question may be as old as that, or as much ahead of the time. */
const FRESH_MS = 2 * LIMITS.peerSkewMs;

export class SeenQuestions {
  readonly #max: number;
  /** Nonce to the time until which it is remembered; oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(max: number = LIMITS.streamQuestions) {
    this.#max = max;
  }

  /** Remembers it. @returns false where it was asked before, or too many are remembered to say so of all */
  isNew(nonce: string, nowMs: number): boolean {
    for (const [old, untilMs] of this.#seen) {
      if (untilMs > nowMs) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(nonce) || this.#seen.size >= this.#max) return false;
    this.#seen.set(nonce, nowMs + FRESH_MS);
    return true;
  }
}
