/**
 * A set of random values of 16 bytes or more (key IDs, keys), kept by 64 bits of each: millions of strings would make
 * the load tool's own memory part of what is measured. Two of ten million values look alike by chance once in 400,000
 * runs.
 */
const FIRST_SLOTS = 1 << 16;

export class Fingerprints {
  /** Pairs of words; 0, 0 is a free place. As many places as a power of two, at most half of them taken. */
  #words = new Uint32Array(2 * FIRST_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns false where the value was there before */
  add(value: Buffer): boolean {
    if (value.length < 16) throw new RangeError("too short to be told from others by 64 bits");
    if (2 * this.#size >= this.#words.length / 2) this.#grow();
    // IDs of one batch differ in their last bytes only.
    const end = value.length - 8;
    const high = (value.readUInt32LE(0) ^ value.readUInt32LE(end)) >>> 0;
    const low = (value.readUInt32LE(4) ^ value.readUInt32LE(end + 4)) >>> 0;
    if (!put(this.#words, high === 0 && low === 0 ? 1 : high, low)) return false;
    this.#size++;
    return true;
  }

  #grow(): void {
    const before = this.#words;
    this.#words = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 2) {
      const [high = 0, low = 0] = [before[at], before[at + 1]];
      if (high !== 0 || low !== 0) put(this.#words, high, low);
    }
  }
}

/** Neighbours shall not crowd one place: IDs of one batch differ in but a few bits (MurmurHash3's finalizer). */
function spread(word: number): number {
  const mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** In the first free place after its own; false where it is there. */
function put(words: Uint32Array, high: number, low: number): boolean {
  const last = words.length / 2 - 1;
  for (let place = spread(high ^ low) & last; ; place = (place + 1) & last) {
    const [thatHigh, thatLow] = [words[2 * place], words[2 * place + 1]];
    if (thatHigh === high && thatLow === low) return false;
    if (thatHigh !== 0 || thatLow !== 0) continue;
    words[2 * place] = high;
    words[2 * place + 1] = low;
    return true;
  }
}
