/** One feed as it runs: its spool, what fills it, and what empties it. */
import path from "node:path";
import { type Log, type LogFields, messageOf } from "../log.ts";
import { Pusher } from "../spool/pusher.ts";
import { Spool } from "../spool/spool.ts";
import { type FeedAlarm, FeedAlarms } from "./alarms.ts";
import { commandSource } from "./command.ts";
import type { FeedConfig } from "./config.ts";
import { directorySource } from "./directory.ts";
import type { Send } from "./edge.ts";
import { etsi014Source } from "./etsi014-source.ts";
import { Intake } from "./intake.ts";
import { Backpressure } from "./pressure.ts";
import { qkdModuleSource } from "./qkd-module/source.ts";
import type { Source } from "./source.ts";

export interface FeedSurroundings {
  /** Each feed has a folder of its name in it. */
  readonly spoolFolder: string;
  readonly spoolKey: Buffer;
  readonly send: Send;
  readonly log: Log;
}

export interface FeedGauges {
  /** Read from the device since the start. */
  readonly blocksRead: number;
  readonly bytesRead: number;
  readonly blocksDelivered: number;
  readonly bytesDelivered: number;
  readonly spoolBlocks: number;
  readonly spoolBytes: number;
  readonly refusedBlocks: number;
  readonly damagedBlocks: number;
  /** The device is not read because the link's pool is full. */
  readonly heldBack: boolean;
  /** Of the device's own, where it has some to show. */
  readonly device: LogFields;
}

export interface RunningFeed {
  readonly name: string;
  readonly alarms: readonly FeedAlarm[];
  readonly gauges: FeedGauges;
  /** Resolves once it has ended, after the signal was aborted. Rejects with a defect. */
  readonly ended: Promise<void>;
}

function sourceOf(config: FeedConfig): Source {
  if (config.type === "directory") return directorySource(config);
  if (config.type === "command") return commandSource(config);
  if (config.type === "qkd-module") return qkdModuleSource(config);
  return etsi014Source(config);
}

/** Does this end alone decide when there is new key? */
const isAsking = (config: FeedConfig): boolean =>
  "role" in config && (config.role === "enc" || config.role === "sender");

/** @throws Error where the spool cannot be opened */
export async function startFeed(
  config: FeedConfig,
  { spoolFolder, spoolKey: key, send, log }: FeedSurroundings,
  signal: AbortSignal,
): Promise<RunningFeed> {
  const { name, link, node } = config;
  const feedLog: Log = (level, event, fields = {}) => log(level, event, { feed: name, ...fields });
  const spool = await Spool.open({
    folder: path.join(spoolFolder, name),
    key,
    maxBytes: config.spool_bytes,
    maxBlocks: config.spool_blocks,
  });
  const alarms = new FeedAlarms(feedLog);
  if (spool.damagedCount > 0) alarms.raise("spool-damaged", `${spool.damagedCount} blocks do not open`);
  const pressure = new Backpressure(
    send,
    link,
    isAsking(config) ? "available and unmatched" : "available",
    () => spool.waitingBytes * 8,
  );
  const intake = new Intake(spool, alarms, pressure);
  const pusher = new Pusher({ spool, send, alarms, link, node, concurrency: config.pushes });
  const source = sourceOf(config);
  let device: LogFields = {};
  const show = (figures: LogFields): void => void (device = figures);
  const parts = { spool, spoolKey: key, intake, pressure, alarms, log: feedLog, send, show };
  const ended = runBoth(
    [async (until) => await source(parts, until), async (until) => await pusher.run(until)],
    signal,
  );
  return {
    name,
    ended: closeAfter(ended, spool, feedLog),
    get alarms() {
      return alarms.standing;
    },
    get gauges() {
      return {
        blocksRead: intake.blocks,
        bytesRead: intake.bytes,
        blocksDelivered: pusher.delivered,
        bytesDelivered: pusher.deliveredBytes,
        spoolBlocks: spool.waitingCount,
        spoolBytes: spool.storedBytes,
        refusedBlocks: spool.refusedCount,
        damagedBlocks: spool.damagedCount,
        heldBack: pressure.held,
        device,
      };
    },
  };
}

/** Ends both with the first that fails. What is told to end may end by a rejection; before, that is a defect. */
async function runBoth(works: readonly ((until: AbortSignal) => Promise<void>)[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  await Promise.all(
    works.map(async (work) => {
      try {
        await work(until);
      } catch (error) {
        if (!until.aborted) failed.abort(error);
      }
    }),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
}

async function closeAfter(ended: Promise<void>, spool: Spool, log: Log): Promise<void> {
  try {
    await ended;
  } catch (error) {
    log("error", "feed failed", { reason: messageOf(error) });
    throw error;
  } finally {
    await spool.close();
  }
}
