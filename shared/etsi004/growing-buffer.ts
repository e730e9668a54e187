/**
 * Bytes of one message that arrives in pieces. The room grows with what has come, never with what a header claims: ten
 * thousand peers that each announce 64 KiB and send nothing cost nothing.
 */
const NOTHING = new Uint8Array();

export class GrowingBuffer {
  #room = NOTHING;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  append(piece: Uint8Array): void {
    const needed = this.#byteLength + piece.length;
    if (needed > this.#room.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#room.length));
      larger.set(this.#room.subarray(0, this.#byteLength));
      this.#room = larger;
    }
    this.#room.set(piece, this.#byteLength);
    this.#byteLength = needed;
  }

  /** Hands over what has come, and begins anew. */
  take(): Uint8Array {
    const whole = this.#room.subarray(0, this.#byteLength);
    this.#room = NOTHING;
    this.#byteLength = 0;
    return whole;
  }
}
