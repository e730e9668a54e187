/** Bounds on who waits. */
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";

export const tooManyWait = (): Fault => ({
  ...fault("rate-limited", `more than ${LIMITS.streamWaiting} calls of this stream wait`),
  retryAfterSeconds: 1,
});

/** Of `ms`, what is left before somebody has waited for too long. */
export const atMost = (ms: number, untilMs: number, nowMs: number): number =>
  Math.max(0, Math.min(ms, untilMs - nowMs));

/** How long to wait for news before looking again: longer each time, as many may wait for what does not come. */
export class Patience {
  #ms: number = LIMITS.streamLookMs;

  nextMs(): number {
    const ms = this.#ms;
    this.#ms = Math.min(2 * ms, LIMITS.streamLookMaxMs);
    return ms;
  }

  renew(): void {
    this.#ms = LIMITS.streamLookMs;
  }
}
