/** How many chunks are made ahead: none for one who asks now and then, up to a full exchange for one who asks quickly. */
import { LIMITS } from "../../../../shared/limits.ts";

export class Pace {
  readonly #nowMs: () => number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #lastIndex = -1;
  #ahead = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @returns how many beyond this one */
  ask(index: number): number {
    const nowMs = this.#nowMs();
    // Who names indices all over the stream has no use for the ones after them.
    const isInOrder = index === this.#lastIndex + 1 && nowMs - this.#lastMs <= LIMITS.streamQuickMs;
    this.#ahead = isInOrder ? Math.min(Math.max(1, this.#ahead * 2), LIMITS.hybridChunksAtOnce) : 0;
    this.#lastMs = nowMs;
    this.#lastIndex = index;
    return this.#ahead;
  }
}
