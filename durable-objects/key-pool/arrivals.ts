/** Requests that wait for a key on its way (policy `dec_wait_ms`). */
export class Arrivals {
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Tells all who wait to look again. */
  arrived(): void {
    for (const wake of this.#waiting) wake();
  }

  /** @returns true when something arrived, false when the time is over or too many wait already */
  async wait(timeoutMs: number): Promise<boolean> {
    if (timeoutMs <= 0 || this.#waiting.size >= this.#maxWaiting) return false;
    return await new Promise<boolean>((resolve) => {
      const end = (arrived: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(arrived);
      };
      const wake = () => end(true);
      const timer = setTimeout(() => end(false), timeoutMs);
      this.#waiting.add(wake);
    });
  }
}
