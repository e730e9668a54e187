/** A set that forgets what came first once it holds as much as it may. */
export class Remembered {
  readonly #max: number;
  readonly #items = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  has(item: string): boolean {
    return this.#items.has(item);
  }

  add(item: string): void {
    this.#items.add(item);
    for (const oldest of this.#items) {
      if (this.#items.size <= this.#max) return;
      this.#items.delete(oldest);
    }
  }
}
