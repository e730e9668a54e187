/** Opened units that pending keys point into. Bounded; wiped when evicted or dropped. */
export class UnitCache {
  readonly #maxUnits: number;
  readonly #units = new Map<number, Uint8Array>(); // least recently used first

  constructor(maxUnits: number) {
    this.#maxUnits = maxUnits;
  }

  get(unit: number): Uint8Array | undefined {
    const plaintext = this.#units.get(unit);
    if (plaintext !== undefined) {
      this.#units.delete(unit);
      this.#units.set(unit, plaintext);
    }
    return plaintext;
  }

  put(unit: number, plaintext: Uint8Array): void {
    const old = this.#units.get(unit);
    if (old !== undefined && old !== plaintext) this.drop(unit);
    this.#units.set(unit, plaintext);
    for (const oldest of this.#units.keys()) {
      if (this.#units.size <= this.#maxUnits) return;
      this.drop(oldest);
    }
  }

  drop(unit: number): void {
    this.#units.get(unit)?.fill(0);
    this.#units.delete(unit);
  }
}
