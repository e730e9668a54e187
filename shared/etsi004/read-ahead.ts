/**
 * How many chunks an end fetches beyond the one it was asked for: none at first, more with each call of one who calls
 * quickly, as one call to the pool costs as much for nine chunks as for one.
 */
import { LIMITS } from "../limits.ts";

const AHEAD = [0, 2, 4, LIMITS.streamReadAhead] as const;

export interface Pace {
  readonly lastCallMs: number;
  /** How often in a row the pool was asked by one who calls quickly. */
  readonly streak: number;
}

export const AT_REST: Pace = { lastCallMs: Number.NEGATIVE_INFINITY, streak: 0 };

export const called = ({ lastCallMs, streak }: Pace, nowMs: number): Pace => ({
  lastCallMs: nowMs,
  streak: nowMs - lastCallMs <= LIMITS.streamQuickMs ? streak : 0,
});

/** Asks the pool. @returns how many chunks to read ahead, and the pace from then on */
export function fetches(pace: Pace): { readonly ahead: number; readonly pace: Pace } {
  const step = Math.min(pace.streak, AHEAD.length - 1);
  return { ahead: AHEAD[step] ?? 0, pace: { ...pace, streak: step + 1 } };
}
