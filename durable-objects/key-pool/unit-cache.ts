/** Opened units that pending keys point into. Bounded; wiped when evicted or dropped. */
export class UnitCache {
  readonly #maxBytes: number;
  readonly #units = new Map<number, Uint8Array>(); // least recently used first
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(unit: number): Uint8Array | undefined {
    const plaintext = this.#units.get(unit);
    if (plaintext !== undefined) {
      this.#units.delete(unit);
      this.#units.set(unit, plaintext);
    }
    return plaintext;
  }

  /** The cache wipes what it is given: nobody else may keep it. */
  put(unit: number, plaintext: Uint8Array): void {
    this.drop(unit);
    this.#units.set(unit, plaintext);
    this.#bytes += plaintext.length;
    for (const oldest of this.#units.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.drop(oldest);
    }
  }

  drop(unit: number): void {
    const plaintext = this.#units.get(unit);
    if (plaintext === undefined) return;
    plaintext.fill(0);
    this.#bytes -= plaintext.length;
    this.#units.delete(unit);
  }
}
