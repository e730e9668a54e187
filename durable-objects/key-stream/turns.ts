/** One at a time, in the order in which they came; who has waited for too long goes away. */

/** The right to be the one, until it is released. */
export class Turn {
  readonly #turns: Turns;
  #isHeld = true;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  release(): void {
    if (this.#isHeld) this.#turns.next();
    this.#isHeld = false;
  }

  /** Lets those go first who wait. @returns whether it is this one's turn again before `untilMs` */
  async again(untilMs: number): Promise<boolean> {
    this.release();
    this.#isHeld = (await this.#turns.take(untilMs)) !== null;
    return this.#isHeld;
  }
}

export class Turns {
  readonly #nowMs: () => number;
  readonly #waiting = new Set<() => void>();
  #isBusy = false;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.size === 0;
  }

  /** @returns null where it has not come before `untilMs` */
  async take(untilMs: number): Promise<Turn | null> {
    if (!this.#isBusy) {
      this.#isBusy = true;
      return new Turn(this);
    }
    return await new Promise((resolve) => {
      const grant = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(grant);
        resolve(new Turn(this));
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(grant);
        resolve(null);
      }, untilMs - this.#nowMs());
      this.#waiting.add(grant);
    });
  }

  /** Of a turn that has ended. */
  next(): void {
    for (const grant of this.#waiting) {
      grant();
      return;
    }
    this.#isBusy = false;
  }
}
