/**
 * `command`: a vendor's tool whose stdout is a stream of key bytes. What it has written and is not yet a whole block in
 * the spool lies in memory only, in the agent's and in the pipe between them: an agent killed without warning loses the
 * end of what that run of the tool gave, and repeats nothing.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import { retryDelayMs } from "../../shared/retry.ts";
import { messageOf } from "../log.ts";
import type { Room } from "../spool/spool.ts";
import type { CommandConfig } from "./config.ts";
import { boundedLines } from "./lines.ts";
import type { Source, SourceParts } from "./source.ts";

export const commandSource =
  (config: CommandConfig): Source =>
  async (parts, signal) =>
    await new CommandFeed(config, parts).run(signal);

type Tool = ChildProcessByStdio<Writable, Readable, Readable>;

class CommandFeed {
  readonly #config: CommandConfig;
  readonly #parts: SourceParts;
  /** Bytes of the block that is being filled; the first `#filled` of them are there. */
  readonly #block: Uint8Array;
  #filled = 0;
  /** In the spool, for that block: it is there before the first of its bytes is read. */
  #room: Room | null = null;

  constructor(config: CommandConfig, parts: SourceParts) {
    this.#config = config;
    this.#parts = parts;
    this.#block = new Uint8Array(config.block_bytes);
  }

  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    try {
      for (;;) {
        const blocks = this.#parts.intake.blocks;
        const why = await this.#runOnce(signal);
        signal.throwIfAborted();
        failures = this.#parts.intake.blocks > blocks ? 1 : failures + 1;
        this.#parts.alarms.raise("command-ended", why);
        await sleep(retryDelayMs(failures, null, Math.random()), undefined, { signal });
      }
    } finally {
      await this.#keepRest();
      this.#block.fill(0);
    }
  }

  /** @returns why it ended */
  async #runOnce(signal: AbortSignal): Promise<string> {
    await this.#makeReady(signal);
    const { program, args } = this.#config;
    // A group of its own, so that what it starts ends with it; its stdin closes with us, even if we are killed.
    const tool: Tool = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    tool.stdin.on("error", () => null);
    const ended = new Promise<string>((resolve) => {
      tool.once("error", (error) => resolve(`${program} cannot be run: ${messageOf(error)}`));
      tool.once("close", (code, killedBy) => resolve(`${program} ended: ${killedBy ?? `exit code ${code}`}`));
    });
    this.#logErrors(tool);
    try {
      await this.#read(tool.stdout, signal);
    } finally {
      await end(tool, ended, signal);
    }
    return await ended;
  }

  async #read(stdout: Readable, signal: AbortSignal): Promise<void> {
    const stop = () => stdout.destroy();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        this.#parts.alarms.clear("command-ended");
        await this.#take(chunk, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** While this waits, the pipe fills and the tool has to wait too. */
  async #take(chunk: Buffer, signal: AbortSignal): Promise<void> {
    try {
      for (let rest: Buffer = chunk; rest.length > 0;) {
        const taken = rest.subarray(0, this.#block.length - this.#filled);
        this.#block.set(taken, this.#filled);
        this.#filled += taken.length;
        rest = rest.subarray(taken.length);
        if (this.#filled < this.#block.length) continue;
        await this.#keep(signal);
        await this.#makeReady(signal);
      }
    } finally {
      chunk.fill(0);
    }
  }

  async #makeReady(signal: AbortSignal): Promise<void> {
    await this.#parts.pressure.passed(signal);
    this.#room ??= await this.#parts.intake.room(this.#block.length, signal);
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { intake } = this.#parts;
    const room = this.#room ?? (await intake.room(this.#block.length, signal));
    this.#room = null;
    await intake.put(room, { id: this.#nextId(), bytes: this.#block.subarray(0, this.#filled) }, signal);
    this.#filled = 0;
  }

  #nextId(): string {
    const { nextNumber, instance } = this.#parts.spool;
    const { name, block_bytes: blockBytes, shared_stream: stream } = this.#config;
    return stream === undefined ? `${name}-${instance}-${nextNumber}` : `${stream}:${nextNumber * blockBytes}`;
  }

  /** A stream that both ends cut alike has no short blocks; of any other, the last one is kept. */
  async #keepRest(): Promise<void> {
    const { intake, spool } = this.#parts;
    if (this.#room === null) return;
    const isWhole = this.#config.shared_stream === undefined && this.#filled > 0;
    if (isWhole) await spool.put(this.#room, { id: this.#nextId(), bytes: this.#block.subarray(0, this.#filled) });
    else await intake.leave(this.#room);
  }

  #logErrors(tool: Tool): void {
    const { log } = this.#parts;
    const pass = boundedLines(
      (stderr) => log("info", "device tool", { stderr }),
      () => performance.now(),
    );
    tool.stderr.setEncoding("utf8").on("data", pass);
  }
}

/** Lets a tool that has closed its stdout end by itself; else SIGTERM, a grace time, SIGKILL, to all of its group. */
async function end(tool: Tool, ended: Promise<string>, signal: AbortSignal): Promise<void> {
  if (tool.pid === undefined) return;
  if (!signal.aborted && (await isEndedWithin(ended, LIMITS.feedCommandEndMs, signal))) return;
  signalGroup(tool.pid, "SIGTERM");
  if (await isEndedWithin(ended, LIMITS.feedCommandEndMs)) return;
  signalGroup(tool.pid, "SIGKILL");
  // A child that left the group may hold the pipes open.
  tool.stdout.destroy();
  tool.stderr.destroy();
  await ended;
}

async function isEndedWithin(ended: Promise<string>, graceMs: number, signal?: AbortSignal): Promise<boolean> {
  const patience = new AbortController();
  const signals = signal === undefined ? [patience.signal] : [patience.signal, signal];
  const late = sleep(graceMs, false, { signal: AbortSignal.any(signals) }).catch(() => false);
  const isEnded = await Promise.race([ended.then(() => true), late]);
  patience.abort();
  return isEnded;
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended.
  }
}
