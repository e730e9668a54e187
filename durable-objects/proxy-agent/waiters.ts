/** Calls that wait until something in the object has come about, within a bound. */

interface Waiter {
  readonly isOver: () => boolean;
  readonly resolve: () => void;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  async until(isOver: () => boolean, waitMs: number): Promise<void> {
    if (isOver() || waitMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { isOver, resolve };
    this.#waiting.add(waiter);
    const timer = setTimeout(resolve, waitMs);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(waiter);
  }

  /** Something has changed: whose wait is over? */
  look(): void {
    for (const waiter of this.#waiting) if (waiter.isOver()) waiter.resolve();
  }
}
