/**
 * Works of one object that may not overlap, in the order they came. The runtime may end an event in the middle of its
 * work, which then never comes to its end: after a while the next one goes on without it.
 */
export class OneAtATime {
  readonly #patienceMs: number;
  readonly #lost: () => void;
  #last: Promise<unknown> = Promise.resolve();

  /** @param lost the work before is given up: whatever it was at has to be begun anew */
  constructor(patienceMs: number, lost: () => void) {
    this.#patienceMs = patienceMs;
    this.#lost = lost;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#after(this.#last, work);
    this.#last = mine.catch(() => null);
    return await mine;
  }

  async #after<T>(before: Promise<unknown>, work: () => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<"lost">((resolve) => {
      timer = setTimeout(() => resolve("lost"), this.#patienceMs);
    });
    const outcome = await Promise.race([before, patience]);
    clearTimeout(timer);
    if (outcome === "lost") this.#lost();
    return await work();
  }
}
