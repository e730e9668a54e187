/**
 * The numbers of one QKD stream as one of its ends sees them: not fetched yet, held, or gone (had, dropped or unknown).
 * Each is held at most once, and given at most once. Knows nothing of the edge, nor of time but what it is told.
 */
import { LIMITS } from "../../../../shared/limits.ts";

/** Of one number. */
export const NUMBER_BYTES = 32;
/** Numbers are indices of an ETSI GS QKD 004 stream. */
export const MAX_NUMBERS = 2 ** 32;

interface Held {
  readonly bytes: Uint8Array;
  readonly sinceMs: number;
  /** When it was promised to a session, or one after it was; null: not yet. */
  passedMs: number | null;
}

export class QkdNumbers {
  readonly #held = new Map<number, Held>();
  /** Below `#frontier`, passed over, still to be had. */
  readonly #missed = new Set<number>();
  /** From here on nothing was fetched. */
  #frontier = 0;
  #next = 0;

  /** From here on nothing was promised. */
  get next(): number {
    return this.#next;
  }

  get frontier(): number {
    return this.#frontier;
  }

  /** Of those not promised, how many in a row are held. */
  get ahead(): number {
    let count = 0;
    while (this.#held.has(this.#next + count)) count += 1;
    return count;
  }

  holds(from: number, count: number): boolean {
    for (let number = from; number < from + count; number++) if (!this.#held.has(number)) return false;
    return true;
  }

  isGone(number: number): boolean {
    return number < this.#frontier && !this.#held.has(number) && !this.#missed.has(number);
  }

  /** Those that can be fetched, lowest first, `most` at most. */
  toFetch(from: number, end: number, most: number): number[] {
    const found: number[] = [];
    for (let number = from; number < end && found.length < most; number++) {
      if (number >= this.#frontier || this.#missed.has(number)) found.push(number);
    }
    return found;
  }

  /** Those before `end` are promised. */
  promise(end: number, nowMs: number): void {
    if (end <= this.#next) return;
    for (const [number, held] of this.#held) if (number >= this.#next && number < end) held.passedMs ??= nowMs;
    this.#next = end;
  }

  /**
   * What one call should ask for: what is wanted; as far as `size` goes, what was passed over just before it, which sessions
   * that come out of order will want; and what follows.
   * @param wanted can be fetched, lowest first
   * @returns lowest first
   */
  batch(wanted: readonly number[], size: number): number[] {
    const most = Math.min(size, LIMITS.streamChunksAtOnce);
    const asked = new Set(wanted);
    const highest = wanted.at(-1) ?? -1;
    for (let number = highest - 1; number >= this.#frontier && asked.size < most; number--) asked.add(number);
    const start = Math.max(highest + 1, this.#frontier);
    for (let number = start; asked.size < most && number < MAX_NUMBERS; number++) asked.add(number);
    return [...asked].sort((one, other) => one - other);
  }

  /** @param numbers lowest first. @param keys theirs, of `NUMBER_BYTES` each: copied */
  put(numbers: readonly number[], keys: Uint8Array, nowMs: number): void {
    numbers.forEach((number, at) => {
      this.#missed.delete(number);
      this.#passOver(number);
      // A Buffer's own `slice` would share what the caller wipes.
      const bytes = Uint8Array.from(keys.subarray(at * NUMBER_BYTES, (at + 1) * NUMBER_BYTES));
      this.#held.set(number, { bytes, sinceMs: nowMs, passedMs: number < this.#next ? nowMs : null });
    });
    for (const number of this.#held.keys()) {
      if (this.#held.size <= LIMITS.hybridQkdNumbers) break;
      this.#drop(number);
    }
  }

  /** Held ones; the bytes are the caller's to wipe. */
  take(from: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count * NUMBER_BYTES);
    for (let at = 0; at < count; at++) {
      const held = this.#held.get(from + at);
      if (held === undefined) throw new RangeError("a number that is not held");
      bytes.set(held.bytes, at * NUMBER_BYTES);
      this.#drop(from + at);
    }
    return bytes;
  }

  /** Drops what was promised so long ago that nobody will come for it. */
  dropPromised(beforeMs: number): void {
    for (const [number, { passedMs }] of this.#held) if (passedMs !== null && passedMs <= beforeMs) this.#drop(number);
  }

  /** Drops what was fetched so long ago that the other end may not have it any more, and was not promised. */
  skipOld(beforeMs: number, nowMs: number): void {
    for (let held = this.#held.get(this.#next); held !== undefined && held.sinceMs <= beforeMs;) {
      this.#drop(this.#next);
      this.promise(this.#next + 1, nowMs);
      held = this.#held.get(this.#next);
    }
  }

  wipe(): void {
    for (const number of this.#held.keys()) this.#drop(number);
    this.#missed.clear();
  }

  #drop(number: number): void {
    this.#held.get(number)?.bytes.fill(0);
    this.#held.delete(number);
  }

  #passOver(number: number): void {
    if (number < this.#frontier) return;
    const first = Math.max(this.#frontier, number - LIMITS.hybridQkdMissed);
    for (let missed = first; missed < number; missed++) this.#missed.add(missed);
    for (const missed of this.#missed) {
      if (this.#missed.size <= LIMITS.hybridQkdMissed) break;
      this.#missed.delete(missed);
    }
    this.#frontier = number + 1;
  }
}
