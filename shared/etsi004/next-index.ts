/**
 * Which chunk an end gets that names none: the lowest it has not had. So both ends get the same ones in the same order,
 * whatever else they fetched by name, and the pool can say it again after a restart.
 */
import { LIMITS } from "../limits.ts";

export class NextIndex {
  #next: number;
  /** Had already, beyond the next. */
  readonly #had = new Set<number>();

  constructor(next: number) {
    this.#next = next;
  }

  get next(): number {
    return this.#next;
  }

  had(indices: readonly number[]): void {
    for (const index of indices) if (index >= this.#next) this.#had.add(index);
    // Whoever leaves ever more gaps gets the oldest of them by name only.
    if (this.#had.size > LIMITS.streamRememberedIndices) this.#next = Math.min(...this.#had);
    while (this.#had.delete(this.#next)) this.#next++;
  }

  /** How many chunks from `from` on follow each other that have not been had; `limit` at most. */
  run(from: number, limit: number): number {
    let length = 0;
    while (length < limit && from + length >= this.#next && !this.#had.has(from + length)) length++;
    return length;
  }
}
