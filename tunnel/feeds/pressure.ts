/** Back-pressure: while the link's pool holds as much as its policy's high watermark, the device is not read. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import { askedPauseMs, linkPath, type Pressure, readPressure, type Send, withTimeout } from "./edge.ts";

/**
 * What counts as held by the pool. Of a device whose keys one end must ask for before the other can, that end counts
 * what waits for its twin too, lest it empties the device for nobody. Where both ends push by themselves it must not
 * count: each would wait for the other.
 */
export type Counting = "available" | "available and unmatched";

const heldBits = (counting: Counting, { availableBits, unmatchedBits }: Pressure): number =>
  counting === "available" ? availableBits : availableBits + unmatchedBits;

export class Backpressure {
  readonly #send: Send;
  readonly #link: string;
  readonly #counting: Counting;
  readonly #spoolBits: () => number;
  #askAgainMs = -Infinity;
  /** What the pool and the spool held when the edge was last asked; null where it did not tell. */
  #held: { readonly bits: number; readonly highBits: number } | null = null;
  #readBits = 0;

  /** @param spoolBits read from the device and not yet with the edge */
  constructor(send: Send, link: string, counting: Counting, spoolBits: () => number) {
    this.#spoolBits = spoolBits;
    this.#send = send;
    this.#link = link;
    this.#counting = counting;
  }

  /** Is the device held back now? */
  get held(): boolean {
    return this.#held !== null && this.heldBits >= this.#held.highBits;
  }

  /** By the edge, in the spool, and read since; 0 where the edge did not tell. */
  get heldBits(): number {
    return this.#held === null ? 0 : this.#held.bits + this.#readBits;
  }

  /** So much was read from the device: it counts until the edge is asked again. */
  read(bits: number): void {
    this.#readBits += bits;
  }

  /** Resolves once the device may be read. While the edge cannot tell, it may: what is read waits in the spool. */
  async passed(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.ask(signal);
      if (!this.held) return;
      await sleep(LIMITS.feedPressureMs * (1 + Math.random()), undefined, { signal });
    }
  }

  /** Brings what is known of the pool up to date, where it is time to. */
  async ask(signal: AbortSignal): Promise<void> {
    if (performance.now() < this.#askAgainMs) return;
    const spoolBits = this.#spoolBits();
    const readBits = this.#readBits;
    const path = linkPath(this.#link);
    const answer = await this.#send({ method: "GET", path }, withTimeout(signal)).catch(() => null);
    signal.throwIfAborted();
    const pauseMs = answer === null ? 0 : askedPauseMs(answer);
    this.#askAgainMs = performance.now() + Math.max(LIMITS.feedPressureMs, pauseMs);
    const pressure = answer?.status === 200 ? readPressure(answer.json) : null;
    this.#readBits -= readBits;
    this.#held =
      pressure === null ? null : { bits: heldBits(this.#counting, pressure) + spoolBits, highBits: pressure.highBits };
  }
}
