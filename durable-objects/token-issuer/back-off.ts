/**
 * Who guesses at a user's password has to wait ever longer. A name of nobody is treated alike, so that nothing shows which
 * names there are.
 */
import { LIMITS } from "../../shared/limits.ts";

export interface Failures {
  /** In a row. */
  readonly failures: number;
  readonly lastMs: number;
}

/** Milliseconds until the next password of this name is looked at; 0: now. */
export function pauseMs(known: Failures | undefined, nowMs: number): number {
  const charged = (known?.failures ?? 0) - LIMITS.kmsFreeFailures;
  if (known === undefined || charged < 0) return 0;
  const wholeMs = Math.min(LIMITS.kmsFirstPauseMs * 2 ** charged, LIMITS.kmsPauseMs);
  return Math.max(0, known.lastMs + wholeMs - nowMs);
}

/** One more; those of long ago do not count. */
export function oneMore(known: Failures | undefined, nowMs: number): number {
  const isOld = known === undefined || nowMs >= known.lastMs + LIMITS.kmsFailureMs;
  return isOld ? 1 : known.failures + 1;
}
