/** The device feeds of an agent: they speak with the edge by the token that the hub gave with its welcome. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import { parseRetryAfter } from "../../shared/retry.ts";
import type { FeedConfig } from "../feeds/config.ts";
import type { Send } from "../feeds/edge.ts";
import { type RunningFeed, startFeed } from "../feeds/feed.ts";
import { type Log, messageOf } from "../log.ts";
import { readOrMakeKey } from "../spool/key-file.ts";
import type { Edge } from "./link/edge.ts";
import type { Link } from "./link/link.ts";

/** Rejects while the tunnel is down: blocks then wait in the spool. */
export const sendBy =
  (edge: Edge, owner: Pick<Link, "session">): Send =>
  async (request, signal) => {
    const token = owner.session?.access?.token;
    if (token === undefined) throw new Error("the tunnel is down");
    const { status, headers, json } = await edge.request({ ...request, token }, signal);
    return { status, json, retryAfterSeconds: parseRetryAfter(headers["retry-after"] ?? null) };
  };

export interface FeedsOptions {
  readonly feeds: readonly FeedConfig[];
  readonly state: string;
  readonly send: Send;
  readonly log: Log;
  readonly retryMs?: number;
}

/** Runs each feed for itself: one that cannot start, or has a defect, is tried again and takes nothing else along. */
export class Feeds {
  readonly #options: FeedsOptions;
  readonly #running = new Map<string, RunningFeed>();

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  get running(): readonly RunningFeed[] {
    return [...this.#running.values()];
  }

  /** Resolves once all have ended, after `signal` was aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.feeds.map((config) => this.#keep(config, signal)));
  }

  async #keep(config: FeedConfig, signal: AbortSignal): Promise<void> {
    const { log, retryMs = LIMITS.agentFeedRetryMs } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#once(config, signal);
      } catch (thrown) {
        log("error", "feed failed; it is tried again", { feed: config.name, reason: messageOf(thrown), retryMs });
      }
      if (!signal.aborted) await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #once(config: FeedConfig, signal: AbortSignal): Promise<void> {
    const { state, send, log } = this.#options;
    const spoolKey = await readOrMakeKey(path.join(state, "spool.key"));
    const around = { spoolFolder: path.join(state, "spool"), spoolKey, send, log };
    const running = await startFeed(config, around, signal);
    this.#running.set(config.name, running);
    try {
      await running.ended;
    } finally {
      this.#running.delete(config.name);
    }
  }
}
