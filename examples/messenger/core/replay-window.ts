/** Which counters of one key have come: each is taken once, and none that lies far behind (as RFC 4303 clause 3.4.3). */
import { BOUNDS } from "./bounds.ts";

export class ReplayWindow {
  #highest = -1;
  readonly #seen: Uint8Array;

  constructor(size: number = BOUNDS.replayWindow) {
    this.#seen = new Uint8Array(size);
  }

  /** Has this counter not come yet, as far as can be told? */
  isFresh(counter: number): boolean {
    if (counter > this.#highest) return true;
    return counter > this.#highest - this.#seen.length && this.#seen[counter % this.#seen.length] === 0;
  }

  /** To be called once the frame has proved genuine. @returns false: another copy of it was quicker */
  take(counter: number): boolean {
    if (!this.isFresh(counter)) return false;
    const size = this.#seen.length;
    const from = Math.max(this.#highest + 1, counter - size + 1);
    for (let passed = from; passed < counter; passed++) this.#seen[passed % size] = 0;
    this.#seen[counter % size] = 1;
    this.#highest = Math.max(this.#highest, counter);
    return true;
  }
}
