/** The round trip to one peer: pings under way, and the shortest of late, which queues of our own making do not raise. */
import { type Result, err, ok } from "../result.ts";
import type { Ending } from "./codes.ts";
import { readU32 } from "./frame.ts";

/**
 * Paths change, so the shortest may be forgotten; but slowly, a quarter longer each period: while bulk flows all pings
 * wait in its queues, and windows tuned by those would only make them longer.
 */
const PERIOD_MS = 10_000;
const LONGER_EACH_PERIOD = 1.25;

interface Ping {
  readonly sequence: number;
  readonly sentMs: number;
  readonly resolve: (rtt: Result<number, Ending>) => void;
}

export class RoundTrip {
  #pings: Ping[] = [];
  #sequence = 0;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #periodMs = Number.NEGATIVE_INFINITY;
  #previousMs = Number.POSITIVE_INFINITY;
  #answered = 0;
  #currentMs = Number.POSITIVE_INFINITY;

  get underWay(): number {
    return this.#pings.length;
  }

  get lastSentMs(): number {
    return this.#lastSentMs;
  }

  /** How often it was measured. */
  get answered(): number {
    return this.#answered;
  }

  /** Null before the first. */
  get shortestMs(): number | null {
    const ms = Math.min(this.#previousMs, this.#currentMs);
    return ms === Number.POSITIVE_INFINITY ? null : ms;
  }

  /** @returns the token of the ping to send */
  start(nowMs: number, resolve: Ping["resolve"]): Uint8Array {
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
    this.#lastSentMs = nowMs;
    this.#pings.push({ sequence, sentMs: nowMs, resolve });
    return new Uint8Array([0, 0, 0, 0, sequence >>> 24, sequence >>> 16, sequence >>> 8, sequence]);
  }

  /**
   * Earlier pings count as answered too: a busy peer answers only the latest.
   * @returns the round trip; null where there was no such ping
   */
  answer(token: Uint8Array, nowMs: number): number | null {
    const sequence = readU32(token, 4);
    const at = this.#pings.findIndex((ping) => ping.sequence === sequence);
    const rttMs = nowMs - (this.#pings[at]?.sentMs ?? nowMs);
    if (at === -1 || rttMs < 0) return null;
    if (nowMs - this.#periodMs >= PERIOD_MS) {
      this.#periodMs = nowMs;
      this.#previousMs = Math.min(this.#currentMs, this.#previousMs * LONGER_EACH_PERIOD);
      this.#currentMs = Number.POSITIVE_INFINITY;
    }
    this.#currentMs = Math.min(this.#currentMs, rttMs);
    this.#answered++;
    for (const { resolve } of this.#pings.splice(0, at + 1)) resolve(ok(rttMs));
    return rttMs;
  }

  fail(ending: Ending): void {
    for (const { resolve } of this.#pings.splice(0)) resolve(err(ending));
  }
}
