/** When to try again to bring relayed key in, and since when that has failed. */
import type { Fault } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";

export interface Attempts {
  /** In a row that failed. */
  readonly failed: number;
  /** The first of them; null: the last one did not. */
  readonly failingSinceMs: number | null;
  /** Not before. */
  readonly nextMs: number;
}

export const NO_ATTEMPTS: Attempts = { failed: 0, failingSinceMs: null, nextMs: 0 };

/** The pause doubles with every failure; where links have too little key, up to when they may have more. */
export function attemptsAfterFailure(
  { failed, failingSinceMs }: Attempts,
  { code, retryAfterSeconds }: Pick<Fault, "code" | "retryAfterSeconds">,
  nowMs: number,
): Attempts {
  const hasMoreMs = code === "link-budget" ? (retryAfterSeconds ?? 1) * 1000 : Infinity;
  const longestMs = Math.min(LIMITS.relayBackoffMaxMs, hasMoreMs);
  const pauseMs = Math.min(longestMs, LIMITS.relayBackoffMs * 2 ** Math.min(failed, 30));
  return { failed: failed + 1, failingSinceMs: failingSinceMs ?? nowMs, nextMs: nowMs + pauseMs };
}

/** Has nothing come for so long that somebody should look into it? @param usedMs when key was last asked for */
export const isShort = ({ failingSinceMs }: Attempts, usedMs: number, nowMs: number): boolean =>
  failingSinceMs !== null && nowMs - failingSinceMs >= LIMITS.relayShortMs && nowMs - usedMs < LIMITS.relayShortMs;
