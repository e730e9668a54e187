/** Fields of message bodies, big-endian. Lengths are those that came; nothing is allocated on a sender's word. */

export class FieldWriter {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    this.#parts.push(Uint8Array.of(value));
    return this;
  }

  u32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.bytes(bytes);
  }

  /** Up to 2^53 - 1. */
  u64(value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    return this.bytes(bytes);
  }

  f64(value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value);
    return this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  finish(): Uint8Array {
    const whole = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** Past the end it reads zeros; `finished` then stays false. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#advance(1) ? this.#view.getUint8(this.#at - 1) : 0;
  }

  u32(): number {
    return this.#advance(4) ? this.#view.getUint32(this.#at - 4) : 0;
  }

  /** Rounded where it is above 2^53: check it with `Number.isSafeInteger`. */
  u64(): number {
    return this.#advance(8) ? Number(this.#view.getBigUint64(this.#at - 8)) : 0;
  }

  f64(): number {
    return this.#advance(8) ? this.#view.getFloat64(this.#at - 8) : 0;
  }

  /** A view of the message, not a copy. */
  bytes(length: number): Uint8Array {
    return this.#advance(length) ? this.#bytes.subarray(this.#at - length, this.#at) : new Uint8Array();
  }

  rest(): Uint8Array {
    return this.bytes(Math.max(0, this.#bytes.length - this.#at));
  }

  /** Everything was there, and nothing is left. */
  get finished(): boolean {
    return this.#at === this.#bytes.length;
  }

  #advance(bytes: number): boolean {
    this.#at += bytes;
    return this.#at <= this.#bytes.length;
  }
}
