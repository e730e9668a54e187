/**
 * `qkd-module`: the agent's side of a module that runs in a thread. A key block goes into the spool under the id that it
 * has at both ends; only then is the module told to forget it, which comes again after a crash in between, and is
 * neither kept nor taken twice.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { LIMITS } from "../../../shared/limits.ts";
import type { FinishedBlock } from "../../../shared/qkd-module/memory.ts";
import type { ModuleNews } from "../../../shared/qkd-module/status.ts";
import { messageOf } from "../../log.ts";
import type { FeedAlarmCode } from "../alarms.ts";
import type { Source, SourceParts } from "../source.ts";
import type { QkdModuleFeedConfig } from "./config.ts";
import { reportFields } from "./figures.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";
import { readPeerKey, writePublicKey } from "./peer-key.ts";

const THREAD = new URL("thread.ts", import.meta.url);

/** What key that comes again shows to be over. */
const OVER_WITH_KEY = [
  "qber-above-bound",
  "authentication-failed",
  "module-unsettled",
  "module-openings-refused",
] as const satisfies readonly FeedAlarmCode[];
/** The system's codes for a disk that takes no more, or fails. */
const DISK_CODES: ReadonlySet<string | null> = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS"]);

export const qkdModuleSource =
  (config: QkdModuleFeedConfig): Source =>
  async (parts, signal) => {
    for (;;) {
      try {
        await new ModuleFeed(config, parts).run(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ThreadFailure) || !DISK_CODES.has(error.code)) throw error;
        parts.alarms.raise("disk-full", error.message);
        await sleep(LIMITS.feedRoomMs, undefined, { signal });
      }
    }
  };

class ThreadFailure extends Error {
  readonly code: string | null;
  constructor(code: string | null, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** One life of the thread. */
class ModuleFeed {
  readonly #config: QkdModuleFeedConfig;
  readonly #parts: SourceParts;
  readonly #worker: Worker;
  readonly #failed = Promise.withResolvers<never>();
  readonly #publicKey = Promise.withResolvers<string>();
  readonly #finished: FinishedBlock[] = [];
  #moreFinished: () => void = () => undefined;

  constructor(config: QkdModuleFeedConfig, parts: SourceParts) {
    this.#config = config;
    this.#parts = parts;
    const { link, role, listen, connect, allow } = config;
    const workerData: ThreadData = {
      link,
      role,
      settings: config,
      channel: { allow, ...(listen === undefined ? {} : { listen }), ...(connect === undefined ? {} : { connect }) },
      folder: parts.spool.folder,
      // Not the memory around it too.
      spoolKey: new Uint8Array(parts.spoolKey),
    };
    this.#worker = new Worker(THREAD, { workerData });
    this.#failed.promise.catch(() => undefined);
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", (error) => this.#failed.reject(error));
    this.#worker.on("exit", (code) => this.#failed.reject(new Error(`the module's thread ended with code ${code}`)));
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const until = AbortSignal.any([signal, ended.signal]);
    const works = [this.#begin(until), this.#spoolBlocks(until)];
    if (this.#config.role === "sender") works.push(this.#watchPool(until));
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
    try {
      signal.throwIfAborted();
      // The thread's failure, a defect of ours, or the end: the works themselves go on for ever, but for the first.
      await Promise.race([this.#failed.promise, aborted.promise, Promise.all(works)]);
    } finally {
      ended.abort();
      await this.#worker.terminate();
      await Promise.allSettled(works);
      for (const { bytes } of this.#finished) bytes.fill(0);
    }
  }

  #tell(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's, not a window's
    this.#worker.postMessage(message);
  }

  #hear(message: FromThread): void {
    const { log, show } = this.#parts;
    switch (message.kind) {
      case "public-key":
        return this.#publicKey.resolve(message.publicKey);
      case "news":
        return this.#hearNews(message.news);
      case "finished":
        this.#finished.push(message.block);
        return this.#moreFinished();
      case "figures":
        return show(message.figures);
      case "log":
        return log(message.level, message.event, message.fields);
      case "failed":
        return this.#failed.reject(new ThreadFailure(message.code, message.reason));
    }
  }

  #hearNews(news: ModuleNews): void {
    const { alarms, log } = this.#parts;
    if (news.kind === "raise") return alarms.raise(news.code, news.detail);
    if (news.kind === "clear") return alarms.clear(news.code);
    log("info", "qkd block", reportFields(news.report));
    alarms.clear("disk-full");
    if (news.report.outcome === "released") for (const code of OVER_WITH_KEY) alarms.clear(code);
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const publicKey = await Promise.race([this.#publicKey.promise, this.#failed.promise]);
    await writePublicKey(this.#parts.spool.folder, publicKey);
    this.#parts.log("info", "qkd module", { role: this.#config.role, sim: this.#config.sim, publicKey });
    this.#tell({ kind: "begin", peerPublicKey: await this.#peerPublicKey(signal) });
  }

  /** Waits, with an alarm, until it is there. */
  async #peerPublicKey(signal: AbortSignal): Promise<Uint8Array | "as-told"> {
    const { peer_public_key_file: file } = this.#config;
    if (file === undefined) return "as-told";
    for (;;) {
      try {
        const key = await readPeerKey(file);
        this.#parts.alarms.clear("module-peer-key");
        return key;
      } catch (error) {
        this.#parts.alarms.raise("module-peer-key", messageOf(error));
      }
      await sleep(LIMITS.feedRoomMs, undefined, { signal });
    }
  }

  async #spoolBlocks(signal: AbortSignal): Promise<void> {
    const { intake } = this.#parts;
    signal.addEventListener("abort", () => this.#moreFinished(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      const block = this.#finished[0];
      if (block === undefined) {
        await new Promise<void>((resolve) => (this.#moreFinished = resolve));
        continue;
      }
      await intake.put(await intake.room(block.bytes.length, signal), block, signal);
      block.bytes.fill(0);
      this.#finished.shift();
      this.#tell({ kind: "put-away", id: block.id });
    }
  }

  /** Tells the sender whether there is enough key: both ends stop with it. */
  async #watchPool(signal: AbortSignal): Promise<void> {
    const { max_key_count: keys = Infinity, key_size_bits: sizeBits } = this.#config;
    const { pressure } = this.#parts;
    for (let before = false; ;) {
      await pressure.ask(signal);
      const isFull = pressure.held || pressure.heldBits >= keys * sizeBits;
      if (isFull !== before) {
        this.#tell({ kind: "full", full: isFull });
        this.#parts.log("info", isFull ? "qkd module rests: there is key enough" : "qkd module goes on");
      }
      before = isFull;
      await sleep(LIMITS.feedPressureMs, undefined, { signal });
    }
  }
}
