/** This isolate's requests, told to the Monitor now and then. What an isolate has not told when it ends is lost. */
import { LIMITS } from "../../shared/limits.ts";
import { TallyBook } from "../../shared/metrics/tally.ts";
import type { Background } from "../clients/directory.ts";
import { monitorOf } from "../clients/monitor.ts";
import type { Env } from "../env.ts";

class Tallies {
  readonly #book = new TallyBook();
  #flushedMs = Number.NEGATIVE_INFINITY;

  count(operation: string, status: number, seconds: number): void {
    this.#book.count(operation, status, seconds);
  }

  flushIfDue(env: Env, background: Background, nowMs: number): void {
    if (nowMs - this.#flushedMs < LIMITS.tallyFlushMs || this.#book.isEmpty) return;
    background.waitUntil(this.flush(env, nowMs));
  }

  /** Never throws: what does not arrive is not sent again, as it may have been counted. */
  async flush(env: Env, nowMs: number): Promise<void> {
    this.#flushedMs = nowMs;
    if (!this.#book.isEmpty) await tell(env, this.#book);
  }
}

async function tell(env: Env, book: TallyBook): Promise<void> {
  try {
    await monitorOf(env).tally(book.take());
  } catch {
    // Nobody shall suffer for that.
  }
}

export const tallies = new Tallies();
