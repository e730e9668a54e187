/** Messages as they come, in whatever order and however often: given out once each, in the order they were numbered. */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";

export interface Inbound {
  readonly message: Bytes;
  /** Of the frame in which it came first. */
  readonly keyId: string;
}

export class Incoming {
  #last = 0;
  #early = new Map<number, Inbound>();
  #earlyBytes = 0;

  /** All up to this number have come. */
  get acknowledged(): number {
    return this.#last;
  }

  /** @returns those that can be given out now; what came before, or comes too early by more than a window, is none */
  take(number: number, inbound: Inbound): readonly Inbound[] {
    if (number <= this.#last || number > this.#last + BOUNDS.windowMessages || this.#early.has(number)) return [];
    const isNext = number === this.#last + 1;
    if (!isNext && this.#earlyBytes + inbound.message.length > BOUNDS.windowBytes) return [];
    this.#early.set(number, inbound);
    this.#earlyBytes += inbound.message.length;
    const ready: Inbound[] = [];
    for (let next = this.#early.get(this.#last + 1); next !== undefined; next = this.#early.get(this.#last + 1)) {
      this.#early.delete(++this.#last);
      this.#earlyBytes -= next.message.length;
      ready.push(next);
    }
    return ready;
  }

  /** The other side has begun anew. */
  restart(): void {
    this.#early = new Map();
    [this.#last, this.#earlyBytes] = [0, 0];
  }
}
