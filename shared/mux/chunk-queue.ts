/**
 * Bytes in order, as the pieces they came in. Small pieces are joined: otherwise a sender of one byte a frame would make
 * this side keep a hundred bytes of bookkeeping for each.
 */
const JOINED_BYTES = 1024;
const TAKEN = new Uint8Array();

export class ChunkQueue {
  #chunks: Uint8Array[] = [];
  /** Index of the first; those before it have been taken. */
  #head = 0;
  #byteLength = 0;
  /** Bytes used of the last chunk, where that is ours and has room; else -1. */
  #tailUsed = -1;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** @param chunk belongs to the queue from now on */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#byteLength += chunk.length;
    if (chunk.length >= JOINED_BYTES || !this.#join(chunk)) {
      this.#trimTail();
      this.#chunks.push(chunk);
    }
  }

  /** The first piece; undefined where there is none. */
  shift(): Uint8Array | undefined {
    if (this.#head === this.#chunks.length) return undefined;
    if (this.#head === this.#chunks.length - 1) this.#trimTail();
    const chunk = this.#chunks[this.#head] as Uint8Array;
    this.#drop();
    this.#byteLength -= chunk.length;
    return chunk;
  }

  /** Hands the first `count` bytes over, in pieces. */
  take(count: number, hand: (piece: Uint8Array) => void): void {
    this.#trimTail();
    let left = count;
    while (left > 0) {
      const chunk = this.#chunks[this.#head] as Uint8Array;
      const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
      hand(part);
      left -= part.length;
      if (part === chunk) this.#drop();
      else this.#chunks[this.#head] = chunk.subarray(part.length);
    }
    this.#byteLength -= count;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#byteLength = 0;
    this.#tailUsed = -1;
  }

  /** Appends a small chunk to a small last one, in a buffer that doubles: never more than twice what it holds. */
  #join(chunk: Uint8Array): boolean {
    const last = this.#chunks.length - 1;
    const tail = this.#chunks[last];
    if (last < this.#head || tail === undefined) return false;
    const used = this.#tailUsed === -1 ? tail.length : this.#tailUsed;
    if (used >= JOINED_BYTES) return false;
    const needed = used + chunk.length;
    if (this.#tailUsed === -1 || needed > tail.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(tail.subarray(0, used));
      this.#chunks[last] = larger;
    }
    this.#chunks[last]?.set(chunk, used);
    this.#tailUsed = needed;
    return true;
  }

  #trimTail(): void {
    const last = this.#chunks.length - 1;
    const tail = this.#chunks[last];
    if (this.#tailUsed !== -1 && tail !== undefined) this.#chunks[last] = tail.subarray(0, this.#tailUsed);
    this.#tailUsed = -1;
  }

  #drop(): void {
    this.#chunks[this.#head++] = TAKEN;
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
