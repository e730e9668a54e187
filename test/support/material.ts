/**
 * Material a test has put in itself, so that it can tell which bytes a key was cut from: any two keys that share a
 * byte, and any byte never given out, show.
 */
const PREFIX_BYTES = 8;
const UNIT_BYTES = 4096;

export class Material {
  readonly #bytes: Buffer;
  readonly #taken: Uint8Array;
  /** Offsets by the bytes found there. */
  readonly #offsets = new Map<string, number[]>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#taken = new Uint8Array(bytes.length);
    for (let offset = 0; offset + PREFIX_BYTES <= bytes.length; offset++) {
      const prefix = bytes.toString("latin1", offset, offset + PREFIX_BYTES);
      const known = this.#offsets.get(prefix);
      if (known === undefined) this.#offsets.set(prefix, [offset]);
      else known.push(offset);
    }
  }

  get takenBytes(): number {
    return this.#taken.reduce((sum, taken) => sum + taken, 0);
  }

  /**
   * Marks a key's bytes as given out. A key may be cut from the end of one unit and the start of another.
   * @throws Error when the bytes are not of this material, or were given out before
   */
  take(key: Buffer): void {
    for (let rest = key; rest.length > 0;) {
      const length = this.#takePiece(rest);
      if (length === 0) throw new Error(`a key of ${key.length} bytes is not made of unused material`);
      rest = rest.subarray(length);
    }
  }

  #takePiece(piece: Buffer): number {
    let [bestOffset, bestLength] = [0, 0];
    for (const offset of this.#candidates(piece)) {
      const length = this.#commonLength(offset, piece);
      if (length > bestLength) [bestOffset, bestLength] = [offset, length];
    }
    this.#taken.fill(1, bestOffset, bestOffset + bestLength);
    return bestLength;
  }

  #candidates(piece: Buffer): readonly number[] {
    const known = this.#offsets.get(piece.toString("latin1", 0, PREFIX_BYTES)) ?? [];
    if (known.length > 0) return known;
    // Too short to be told by its prefix: it begins at a unit's start, or ends at a unit's end.
    const offsets: number[] = [];
    for (let unit = 0; unit <= this.#bytes.length; unit += UNIT_BYTES) {
      offsets.push(unit);
      for (let back = 1; back < PREFIX_BYTES && back <= unit; back++) offsets.push(unit - back);
    }
    return offsets;
  }

  #commonLength(offset: number, piece: Buffer): number {
    let length = 0;
    while (
      length < piece.length &&
      offset + length < this.#bytes.length &&
      this.#taken[offset + length] === 0 &&
      this.#bytes[offset + length] === piece[length]
    ) {
      length++;
    }
    return length;
  }
}
