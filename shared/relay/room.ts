/**
 * How much key a node has on its way at once as the initiator, whatever the number of pools that ask: all of it lies in
 * memory. What is for later takes half of the room, and waits for it; who waits for key is served at once or not at all.
 */
import { LIMITS } from "../limits.ts";
import type { Timer } from "./walk.ts";

interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
}

const HALF = LIMITS.relayBegunBytes / 2;

export class Room {
  readonly #timer: (ms: number) => Timer;
  #bytes = 0;
  /** Of those that are for later; the first has waited longest. */
  #laterBytes = 0;
  readonly #waiting: Waiter[] = [];

  constructor(timer: (ms: number) => Timer) {
    this.#timer = timer;
  }

  /** @returns undefined where there was no room, for what is for later in `LIMITS.relayMs` */
  async within<T>(wish: { readonly bytes: number; readonly isUrgent: boolean }, work: () => Promise<T>) {
    const { bytes, isUrgent } = wish;
    if (isUrgent ? this.#bytes + bytes > LIMITS.relayBegunBytes : !(await this.#turn(bytes))) return undefined;
    if (isUrgent) this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#bytes -= bytes;
      if (!isUrgent) this.#laterBytes -= bytes;
      this.#admit();
    }
  }

  /** Whoever gets one has been counted. */
  async #turn(bytes: number): Promise<boolean> {
    if (bytes > HALF || this.#waiting.length >= LIMITS.relayBegunWaiting) return false;
    const timer = this.#timer(LIMITS.relayMs);
    const { promise: entered, resolve } = Promise.withResolvers<true>();
    const waiter = { bytes, enter: () => resolve(true) };
    this.#waiting.push(waiter);
    this.#admit();
    const hasEntered = await Promise.race([entered, timer.over]);
    timer.cancel();
    if (hasEntered === true) return true;
    const at = this.#waiting.indexOf(waiter);
    if (at === -1) return true; // at the last moment
    this.#waiting.splice(at, 1);
    this.#admit();
    return false;
  }

  #admit(): void {
    let next = this.#waiting[0];
    while (next !== undefined && this.#fits(next)) {
      this.#waiting.shift();
      this.#bytes += next.bytes;
      this.#laterBytes += next.bytes;
      next.enter();
      next = this.#waiting[0];
    }
  }

  #fits({ bytes }: Waiter): boolean {
    return this.#laterBytes + bytes <= HALF && this.#bytes + bytes <= LIMITS.relayBegunBytes;
  }
}
