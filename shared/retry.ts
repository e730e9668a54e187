/** When to ask again, and how long to wait before. */

export const RETRY = { attempts: 8, firstDelayMs: 250, maxDelayMs: 30_000 } as const;

/** Statuses that say "later", not "no". */
export const isRetryable = (status: number): boolean => status === 429 || status === 503;

/** The connection was there and broke, as one does that was about to be closed as idle: what has it may be served at once. */
const BROKEN: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

/** Not one that could not be made, nor an answer that does not come: to ask again then only delays the bad news. */
export const isBrokenConnection = (error: Error): boolean => "code" in error && BROKEN.has(error.code);

/** Seconds of a `Retry-After` header in its numeric form; null for anything else. */
export function parseRetryAfter(header: string | null): number | null {
  return header !== null && /^[0-9]{1,6}$/.test(header) ? Number(header) : null;
}

/**
 * Delay before attempt `attempt + 1` (attempts count from 1): what the server asked for, or exponential with jitter;
 * never above `RETRY.maxDelayMs`.
 * @param random in [0, 1)
 */
export function retryDelayMs(attempt: number, retryAfterSeconds: number | null, random: number): number {
  const backOffMs = RETRY.firstDelayMs * 2 ** (attempt - 1) * (0.5 + random / 2);
  const askedMs = retryAfterSeconds === null ? 0 : retryAfterSeconds * 1000;
  return Math.min(RETRY.maxDelayMs, Math.max(backOffMs, askedMs));
}
