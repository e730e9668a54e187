/** When to ask again: as long after as the server says, else with growing pauses. */
import { parseRetryAfter, RETRY, retryDelayMs } from "../shared/retry.ts";
import type { RequestOptions } from "./options.ts";

/** RFC 9110 clause 5.6.7, the one form of a date that is sent. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Seconds of a `Retry-After` (RFC 9110 clause 10.2.3), in either form; null where there is none that can be read. */
export function retryAfterSeconds(header: string | null, nowMs: number): number | null {
  if (header === null || !HTTP_DATE.test(header)) return parseRetryAfter(header);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

/** Is that longer than a client waits by itself? To ask earlier would be to ask in vain. */
export const isTooLong = (seconds: number | null): boolean => seconds !== null && seconds * 1000 > RETRY.maxDelayMs;

/** @param attempt the one that was made last, from 1. @throws the signal's reason */
export async function pauseAfter(
  attempt: number,
  seconds: number | null,
  signal: AbortSignal | undefined,
  { pause = pauseMs }: RequestOptions,
): Promise<void> {
  await pause(retryDelayMs(attempt, seconds, Math.random()), signal);
}

async function pauseMs(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener("abort", aborted, { once: true });
  });
}
