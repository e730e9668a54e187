/** Bits one after the other in bytes, most significant first; unused low bits of the last byte are zero. */

/** The most that `put` and `take` move at once. */
export const STEP_BITS = 24;

export class BitWriter {
  #bytes: Uint8Array;
  #used = 0;
  /** Bits that do not fill a byte yet, at the low end. */
  #rest = 0;
  #restBits = 0;

  /** @param expectedBytes a guess at the length, to copy less */
  constructor(expectedBytes = 64) {
    this.#bytes = new Uint8Array(expectedBytes);
  }

  /** @param value below 2^bits @param bits up to `STEP_BITS` */
  put(value: number, bits: number): void {
    this.#rest = (this.#rest << bits) | value;
    this.#restBits += bits;
    while (this.#restBits >= 8) {
      this.#restBits -= 8;
      this.#push((this.#rest >>> this.#restBits) & 0xff);
    }
    this.#rest &= (1 << this.#restBits) - 1;
  }

  finish(): Uint8Array {
    if (this.#restBits > 0) this.put(0, 8 - this.#restBits);
    return this.#bytes.slice(0, this.#used);
  }

  #push(byte: number): void {
    if (this.#used === this.#bytes.length) {
      const longer = new Uint8Array(2 * this.#used + 64);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes[this.#used++] = byte;
  }
}

/** Past the end there are zeros, and `finished` stays false. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @param bits up to `STEP_BITS` */
  take(bits: number): number {
    if (bits === 0) return 0;
    const value = this.#peek() >>> (32 - bits);
    this.#at += bits;
    return value;
  }

  /** Takes ones up to and including the zero that ends them; where there are `most` of them, no zero follows. */
  takeOnes(most: number): number {
    const ones = Math.min(most, Math.clz32(~this.#peek()));
    this.#at += ones < most ? ones + 1 : most;
    return ones;
  }

  /** All bits were taken but those that fill the last byte, which are zero: so no two byte strings say the same. */
  get finished(): boolean {
    const left = 8 * this.#bytes.length - this.#at;
    return left >= 0 && left < 8 && this.#peek() === 0;
  }

  /** Of the next 32 bits the first 25 at least. */
  #peek(): number {
    const byte = this.#at >>> 3;
    const bytes = this.#bytes;
    const window =
      ((bytes[byte] ?? 0) << 24) |
      ((bytes[byte + 1] ?? 0) << 16) |
      ((bytes[byte + 2] ?? 0) << 8) |
      (bytes[byte + 3] ?? 0);
    return window << (this.#at & 7);
  }
}
