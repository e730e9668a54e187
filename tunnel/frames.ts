/**
 * Messages of two agents (or of two QKD modules) on one connection: four bytes of length, big-endian, then the message. A
 * length is checked before anything is kept for it, and no more is kept than has come.
 */
const LENGTH_BYTES = 4;
const SMALL_BYTES = 4096;

export function frameHead(message: Uint8Array): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32BE(message.length);
  return head;
}

export class FrameFault extends Error {}

export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param maxBytes the longest message that there is */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What has come whole by now, in order. @throws FrameFault for a length that no message has */
  *push(chunk: Buffer): Generator<Uint8Array, void, void> {
    this.#keep(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= LENGTH_BYTES) {
      const lengthBytes = this.#peekLength();
      if (lengthBytes === 0 || lengthBytes > this.#maxBytes) {
        throw new FrameFault(`a message of ${lengthBytes} bytes is announced`);
      }
      if (this.#bytes < LENGTH_BYTES + lengthBytes) return;
      const all = this.#joined();
      const end = LENGTH_BYTES + lengthBytes;
      this.#chunks = end < all.length ? [all.subarray(end)] : [];
      this.#bytes -= end;
      // A plain array: `slice` of a Buffer makes no copy, and JSON has a form of its own for one.
      yield new Uint8Array(all.buffer, all.byteOffset + LENGTH_BYTES, lengthBytes);
    }
  }

  /** What comes byte by byte would take up a hundred times its length: small pieces are joined, as sums are carried. */
  #keep(chunk: Buffer): void {
    const chunks = this.#chunks;
    chunks.push(chunk);
    for (;;) {
      const [before, last] = chunks.slice(-2);
      if (before === undefined || last === undefined || before.length > Math.min(last.length, SMALL_BYTES)) return;
      chunks.splice(-2, 2, Buffer.concat([before, last]));
    }
  }

  #peekLength(): number {
    const [first] = this.#chunks;
    return (first !== undefined && first.length >= LENGTH_BYTES ? first : this.#joined()).readUInt32BE();
  }

  #joined(): Buffer {
    const [first, ...more] = this.#chunks;
    if (first !== undefined && more.length === 0) return first;
    const all = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [all];
    return all;
  }
}
