/** Sound frames as they come, brought into order and played with a small delay that takes up the line's unevenness. */
import { BOUNDS } from "./bounds.ts";

export class Jitter {
  readonly #waiting = new Map<number, Int16Array>();
  #next = 0;
  #isPlaying = false;
  #lost = 0;

  /** Frames whose turn came before they did. */
  get lost(): number {
    return this.#lost;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  add(number: number, samples: Int16Array): void {
    if (this.#isPlaying && number < this.#next) return;
    this.#waiting.set(number, samples);
    // Later than the line can be uneven: what is oldest goes, so that people do not talk past each other.
    while (this.#waiting.size > BOUNDS.soundFramesToPlay) {
      const oldest = this.#oldest();
      this.#waiting.delete(oldest);
      this.#next = oldest + 1;
    }
  }

  /** The next frame's samples; null: silence for now. */
  take(): Int16Array | null {
    if (this.#waiting.size === 0) {
      this.#isPlaying = false;
      return null;
    }
    if (!this.#isPlaying) {
      if (this.#waiting.size < BOUNDS.soundFramesAhead) return null;
      this.#isPlaying = true;
      this.#next = this.#oldest();
    }
    const samples = this.#waiting.get(this.#next) ?? null;
    this.#waiting.delete(this.#next++);
    if (samples === null) this.#lost++;
    return samples;
  }

  #oldest(): number {
    return Math.min(...this.#waiting.keys());
  }
}
