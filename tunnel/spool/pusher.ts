/**
 * Takes blocks from the spool to the edge, oldest first, a few at a time. A block leaves the spool when the edge has
 * answered that it has it durably; is set aside, until the next start, when no repeat can change the edge's mind; and stays
 * for everything else.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import { IngestSchema, KeyIdsOutcomeSchema } from "../../shared/api/schemas.ts";
import { blockPath } from "../../shared/blocks.ts";
import { retryDelayMs } from "../../shared/retry.ts";
import type { FeedAlarms } from "../feeds/alarms.ts";
import { describeAnswer, type EdgeAnswer, keyIdsPath, type Send, withTimeout } from "../feeds/edge.ts";
import { messageOf } from "../log.ts";
import type { SpoolBlock } from "./sealed-block.ts";
import type { Spool } from "./spool.ts";
import type { Entry } from "./spool-folder.ts";

export interface PusherOptions {
  readonly spool: Spool;
  readonly send: Send;
  readonly alarms: FeedAlarms;
  readonly link: string;
  readonly node: string;
  /** Blocks on their way at once. */
  readonly concurrency: number;
  /** In [0, 1), for jitter. */
  readonly random?: () => number;
}

/** What a push came to. `later`: the same block again, after a pause. */
type Pushed =
  | { readonly outcome: "delivered"; readonly quarantined: string | null }
  | { readonly outcome: "refused"; readonly reason: string }
  | {
      readonly outcome: "later";
      readonly unreachable: boolean;
      readonly reason: string;
      readonly afterS: number | null;
    };

/**
 * Answers that no repeat will change: the request is wrong, the block contradicts what the edge knows, or is too large.
 * All others (who we are, what the network has, how full a pool is) may be different tomorrow.
 */
const NEVER: ReadonlySet<number> = new Set([400, 409, 413, 414, 422]);

export class Pusher {
  readonly #options: PusherOptions;
  readonly #under = new Set<number>();
  #failures = 0;
  #pausedUntilMs = -Infinity;
  #delivered = 0;
  #deliveredBytes = 0;

  constructor(options: PusherOptions) {
    this.#options = options;
  }

  get delivered(): number {
    return this.#delivered;
  }
  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  /** Until `signal`; then what was under way is given up, and stays in the spool. */
  async run(signal: AbortSignal): Promise<void> {
    const { concurrency } = this.#options;
    await Promise.all(Array.from({ length: concurrency }, async () => await this.#work(signal)));
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const entry = this.#next();
      if (entry === null) {
        await this.#options.spool.changed(signal);
        continue;
      }
      this.#under.add(entry.number);
      try {
        await this.#pause(signal);
        await this.#serve(entry, signal);
      } catch (error) {
        if (signal.aborted) return;
        // The spool's disk: the block is still there, or gone for good.
        this.#later({ unreachable: false, reason: messageOf(error), afterS: null });
      } finally {
        this.#under.delete(entry.number);
      }
    }
  }

  /** The oldest that nobody has under way. */
  #next(): Entry | null {
    for (const entry of this.#options.spool.waiting) if (!this.#under.has(entry.number)) return entry;
    return null;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#pausedUntilMs - performance.now();
      if (waitMs <= 0) return;
      await sleep(waitMs, undefined, { signal });
    }
  }

  async #serve(entry: Entry, signal: AbortSignal): Promise<void> {
    const { spool, alarms } = this.#options;
    const block = await spool.read(entry);
    if (block === null) {
      alarms.raise("spool-damaged", `block number ${entry.number} does not open`);
      return;
    }
    let pushed: Pushed;
    try {
      pushed = await this.#push(block, signal);
    } finally {
      block.bytes.fill(0);
    }
    if (pushed.outcome === "later") {
      this.#later(pushed);
      return;
    }
    this.#failures = 0;
    alarms.clear("edge-unreachable");
    alarms.clear("edge-refuses");
    if (pushed.outcome === "refused") {
      alarms.raise("block-refused", pushed.reason, entry.id);
      await spool.refuse(entry);
      return;
    }
    if (pushed.quarantined !== null) alarms.raise("block-quarantined", pushed.quarantined, entry.id);
    await spool.delivered(entry);
    this.#delivered++;
    this.#deliveredBytes += entry.sizeBytes;
  }

  /** The block, then its key IDs: both are safe to repeat, so a crash between them is no harm. */
  async #push(block: SpoolBlock, signal: AbortSignal): Promise<Pushed> {
    const { link, node } = this.#options;
    const bytes = await this.#put(blockPath(link, block.id, node), block.bytes, "application/octet-stream", signal);
    if ("outcome" in bytes) return bytes;
    const ingested = v.safeParse(IngestSchema, bytes.json);
    if (!ingested.success) return later("the edge answered something that is not an ingest outcome");
    const { outcome, reason } = ingested.output;
    if (outcome === "quarantined") return { outcome: "delivered", quarantined: reason ?? "quarantined" };
    if (outcome === "unmatched" && block.keyIds !== undefined) {
      const body = Buffer.from(JSON.stringify({ key_ids: block.keyIds }));
      const told = await this.#put(keyIdsPath(link, block.id, node), body, "application/json", signal);
      if ("outcome" in told) return told;
      if (!v.is(KeyIdsOutcomeSchema, told.json)) return later("the edge answered something else about key IDs");
    }
    return { outcome: "delivered", quarantined: null };
  }

  /** @returns the answer where it is a 2xx */
  async #put(path: string, bytes: Uint8Array, contentType: string, signal: AbortSignal): Promise<EdgeAnswer | Pushed> {
    let answer: EdgeAnswer;
    try {
      answer = await this.#options.send({ method: "PUT", path, body: { bytes, contentType } }, withTimeout(signal));
    } catch (error) {
      signal.throwIfAborted();
      return { ...later(messageOf(error)), unreachable: true };
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    const reason = describeAnswer(answer);
    return NEVER.has(answer.status)
      ? { outcome: "refused", reason }
      : { ...later(reason), afterS: answer.retryAfterSeconds };
  }

  #later({ unreachable, reason, afterS }: Omit<Extract<Pushed, { outcome: "later" }>, "outcome">): void {
    const { alarms, random = Math.random } = this.#options;
    alarms.raise(unreachable ? "edge-unreachable" : "edge-refuses", reason);
    // Those that were under way together failed together: that counts once.
    if (this.#pausedUntilMs > performance.now()) return;
    this.#failures++;
    this.#pausedUntilMs = performance.now() + retryDelayMs(this.#failures, afterS, random());
  }
}

const later = (reason: string) => ({ outcome: "later", unreachable: false, reason, afterS: null }) as const;
