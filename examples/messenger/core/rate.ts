/** How often something has happened of late: what others can bring about is done so many times in so long, and no more. */
export interface RateBound {
  readonly most: number;
  readonly withinMs: number;
}

export class Rate {
  readonly #now: () => number;
  readonly #bound: RateBound;
  #timesMs: number[] = [];

  constructor(now: () => number, bound: RateBound) {
    [this.#now, this.#bound] = [now, bound];
  }

  get isReached(): boolean {
    const fromMs = this.#now() - this.#bound.withinMs;
    this.#timesMs = this.#timesMs.filter((atMs) => atMs > fromMs);
    return this.#timesMs.length >= this.#bound.most;
  }

  add(): void {
    this.#timesMs.push(this.#now());
  }
}
