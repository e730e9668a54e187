/** Times of a link; tests shorten them. */
import { LIMITS } from "../../../shared/limits.ts";

export const LINK_TIMES = {
  handshakeMs: LIMITS.agentHandshakeMs,
  pingMs: LIMITS.agentPingMs,
  pongMs: LIMITS.agentPongMs,
  backoffMs: LIMITS.agentBackoffMs,
  backoffMaxMs: LIMITS.agentBackoffMaxMs,
  stableMs: LIMITS.agentStableMs,
  refusedMs: LIMITS.agentRefusedMs,
  leaveMs: LIMITS.agentLeaveMs,
} as const;
export type LinkTimes = { readonly [Name in keyof typeof LINK_TIMES]: number };

/**
 * Pause after the `failures`th failure in a row (from 1): exponential, and anywhere between half and all of it, so that
 * agents which lost their hub together do not come back together.
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, random: number, times: LinkTimes = LINK_TIMES): number {
  const earlyMaxMs = failures <= LIMITS.agentEarlyAttempts ? LIMITS.agentBackoffEarlyMaxMs : Number.POSITIVE_INFINITY;
  const fullMs = Math.min(earlyMaxMs, times.backoffMaxMs, times.backoffMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(times.backoffMs, fullMs * (0.5 + random / 2));
}
