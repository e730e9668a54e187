/** A feed in a folder of its own, before an edge in memory; for unit tests. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { FeedSchema } from "../../tunnel/feeds/config.ts";
import { type RunningFeed, startFeed } from "../../tunnel/feeds/feed.ts";
import type { LogFields } from "../../tunnel/log.ts";
import { FakeEdge } from "./fake-edge.ts";

export interface FeedBench {
  readonly folder: string;
  readonly edge: FakeEdge;
  readonly spoolKey: Buffer;
  readonly logged: { readonly event: string; readonly fields: LogFields }[];
  /** Starts a feed named `feed` for link `l` and node `n` unless told otherwise; in the same spool as one before. */
  start(config: Readonly<Record<string, unknown>>): Promise<StartedFeed>;
  /** Ends all feeds and removes the folder. */
  stop(): Promise<void>;
}

export interface StartedFeed {
  readonly feed: RunningFeed;
  stop(): Promise<void>;
  /** Codes of the alarms that stand. */
  alarms(): readonly string[];
}

export async function feedBench(): Promise<FeedBench> {
  const folder = await mkdtemp(join(tmpdir(), "qkd-feed-"));
  const edge = new FakeEdge();
  const logged: { event: string; fields: LogFields }[] = [];
  const running: StartedFeed[] = [];
  const spoolKey = randomBytes(32);
  return {
    folder,
    edge,
    spoolKey,
    logged,
    start: async (config) => {
      const ending = new AbortController();
      const surroundings = {
        spoolFolder: join(folder, "spool"),
        spoolKey,
        send: edge.send,
        log: (_level: string, event: string, fields: LogFields = {}) => void logged.push({ event, fields }),
      };
      const parsed = v.parse(FeedSchema, { name: "feed", link: "l", node: "n", ...config });
      const feed = await startFeed(parsed, surroundings, ending.signal);
      const started = {
        feed,
        alarms: () => feed.alarms.map(({ code }) => code),
        stop: async () => {
          ending.abort();
          await feed.ended;
        },
      };
      running.push(started);
      return started;
    },
    stop: async () => {
      for (const each of running) await each.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
