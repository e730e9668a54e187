/**
 * What one stream may still receive, and how large its window should be.
 *
 * A window below rate x round trip holds the sender up; one far above it only fills queues that other streams' frames
 * wait in: each hop on the way holds a part of it. So the window aims at rate x round trip and little more, measured
 * whenever a window's worth has been read: read within one and a half round trips, it grows by half; in more than three,
 * it halves. A message comes as a whole; the time that one of them takes does not count.
 */
import type { ReceiveBudget } from "./receive-budget.ts";

const GROW_ROUND_TRIPS = 1.5;
/** Of a window's time, that counts: where a message is all of it, nothing else could be told. */
const LEAST_PART = 0.25;
const SHRINK_ROUND_TRIPS = 3;
/** Clocks of some runtimes stand still while code runs; nothing real is faster. */
const SHORTEST_ROUND_TRIP_MS = 0.2;
/** Credit goes out once it is worth this part of the window. */
const CREDIT_PART = 4;

export interface WindowLimits {
  readonly messageBytes: number;
  readonly firstWindowBytes: number;
  readonly windowBytes: number;
}

export class ReceiveWindow {
  readonly #budget: ReceiveBudget;
  readonly #slot: number;
  readonly #limits: WindowLimits;
  #windowBytes: number;
  /** Granted and not yet received. */
  #outstandingBytes = 0;
  /** Received and not yet read. */
  #bufferedBytes = 0;
  /** No more is to come, so nothing more is granted. */
  #complete = false;
  #sinceMs: number;
  #readSinceBytes = 0;

  constructor(budget: ReceiveBudget, slot: number, limits: WindowLimits, nowMs: number) {
    this.#budget = budget;
    this.#slot = slot;
    this.#limits = limits;
    this.#windowBytes = limits.firstWindowBytes;
    this.#sinceMs = nowMs;
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  get heldBytes(): number {
    return this.#outstandingBytes + this.#bufferedBytes;
  }

  /** What every `open` grants its sender unsaid: the floor, which is set aside for each stream. */
  grantEarly(): void {
    this.#hold(this.#budget.floorBytes, 0);
  }

  /** The credit of an `open` or `accept`: the first window, or a fair share where many streams are open. */
  grantFirst(): number {
    if (this.#complete) return 0;
    const firstBytes = Math.min(this.#windowBytes, this.#budget.roomForFirst(this.#slot));
    const grantBytes = Math.max(0, firstBytes - this.heldBytes);
    this.#hold(this.#outstandingBytes + grantBytes, this.#bufferedBytes);
    return grantBytes;
  }

  /** @returns false where that is more than was granted */
  receive(bytes: number): boolean {
    if (bytes > this.#outstandingBytes) return false;
    this.#hold(this.#outstandingBytes - bytes, this.#bufferedBytes + bytes);
    return true;
  }

  /**
   * Notes that so much was read.
   * @param rttMs shortest round trip of late; null where none was measured, and then the window stays
   * @returns the credit to send now; 0 for none
   */
  read(bytes: number, nowMs: number, rttMs: number | null): number {
    this.#hold(this.#outstandingBytes, this.#bufferedBytes - bytes);
    this.#readSinceBytes += bytes;
    if (this.#readSinceBytes >= this.#windowBytes) this.#tune(nowMs, rttMs);
    return this.#complete ? 0 : this.#grant();
  }

  /** The sender's last has come: what it did not use is free again. */
  complete(): void {
    this.#complete = true;
    this.#hold(0, this.#bufferedBytes);
  }

  /** The stream is over, and what was not read is dropped. */
  release(): void {
    this.#complete = true;
    this.#hold(0, 0);
  }

  #grant(): number {
    const held = this.heldBytes;
    const grantBytes = Math.min(this.#windowBytes - held, this.#budget.roomFor(this.#slot, held));
    if (grantBytes <= 0 || grantBytes * CREDIT_PART < held + grantBytes) return 0;
    this.#hold(this.#outstandingBytes + grantBytes, this.#bufferedBytes);
    return grantBytes;
  }

  #tune(nowMs: number, rttMs: number | null): void {
    if (rttMs !== null) {
      const roundTrips = (nowMs - this.#sinceMs) / Math.max(rttMs, SHORTEST_ROUND_TRIP_MS);
      const { firstWindowBytes, windowBytes, messageBytes } = this.#limits;
      const besidesMessage = Math.max(1 - messageBytes / this.#windowBytes, LEAST_PART);
      if (roundTrips * besidesMessage < GROW_ROUND_TRIPS) {
        this.#windowBytes = Math.min(Math.floor(1.5 * this.#windowBytes), windowBytes);
      } else if (roundTrips > SHRINK_ROUND_TRIPS) {
        this.#windowBytes = Math.max(Math.floor(this.#windowBytes / 2), Math.min(firstWindowBytes, windowBytes));
      }
    }
    this.#sinceMs = nowMs;
    this.#readSinceBytes = 0;
  }

  #hold(outstandingBytes: number, bufferedBytes: number): void {
    const before = this.heldBytes;
    this.#outstandingBytes = outstandingBytes;
    this.#bufferedBytes = bufferedBytes;
    this.#budget.move(this.#slot, before, this.heldBytes);
  }
}
