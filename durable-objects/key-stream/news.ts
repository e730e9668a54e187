/** Wakes who waits for something to change. That it has, they see for themselves: news may be lost. */
export class News {
  readonly #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  tell(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Until there is news, `ms` at most. */
  async wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
