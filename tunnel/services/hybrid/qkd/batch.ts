/** How many numbers one call to the edge brings: one for who calls now and then, ever more for who calls quickly. */
import { LIMITS } from "../../../../shared/limits.ts";

export class BatchSize {
  #lastMs = Number.NEGATIVE_INFINITY;
  #size = 1;
  #isQuick = false;

  /** Of the next call. */
  get size(): number {
    return this.#size;
  }

  /** Do calls come so quickly that key should be there before it is asked for? */
  get isQuick(): boolean {
    return this.#isQuick;
  }

  called(nowMs: number): void {
    this.#isQuick = nowMs - this.#lastMs <= LIMITS.streamQuickMs;
    this.#lastMs = nowMs;
    if (!this.#isQuick) this.#size = 1;
  }

  fetched(): void {
    this.#size = Math.min(this.#size * 2, LIMITS.hybridQkdBatch);
  }

  /** There was not enough for so many. */
  refused(): void {
    this.#size = 1;
    this.#isQuick = false;
  }
}
