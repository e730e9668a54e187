/** `directory`: a device that drops key files into a folder. Cut as `qkd ingest` cuts them, so both may be mixed. */
import { opendir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Block, cutBlocks } from "../../shared/blocks.ts";
import { LIMITS } from "../../shared/limits.ts";
import { codeOf, messageOf } from "../log.ts";
import type { DirectoryConfig } from "./config.ts";
import { FileFault, KeyFile, type Look, lookAt, sameLook } from "./key-file.ts";
import { finishLeaving, isLeaving, putAway } from "./put-away.ts";
import type { Source, SourceParts } from "./source.ts";

export const directorySource =
  (config: DirectoryConfig): Source =>
  async (parts, signal) =>
    await new DirectoryFeed(config, parts).run(signal);

/** What is known of a file that is still there. */
interface Known {
  readonly look: Look;
  /** Since when it has looked like that. */
  readonly sinceMs: number;
  /** Not to be looked at before this: it could not be used as it is. Infinity: it must not even should it change. */
  readonly notBeforeMs: number;
  /** All of it is in the spool, or was; it is only to be put away. */
  readonly spooled: boolean;
}

/** Not in a block's id, which the edge would refuse for it. */
const CONTROL_CHARACTER = /\p{Cc}/u;
const NOT_SEEN: Look = { sizeBytes: 0, changedNs: 0n, inode: 0n };

class DirectoryFeed {
  readonly #config: DirectoryConfig;
  readonly #parts: SourceParts;
  #known = new Map<string, Known>();

  constructor(config: DirectoryConfig, parts: SourceParts) {
    this.#config = config;
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      for (const name of await this.#completeFiles()) {
        signal.throwIfAborted();
        await this.#ingest(name, signal);
      }
      await sleep(this.#config.poll_ms, undefined, { signal });
    }
  }

  /** In the order of their names. */
  async #completeFiles(): Promise<readonly string[]> {
    const { alarms } = this.#parts;
    let names: readonly string[];
    try {
      names = await this.#names();
      alarms.clear("file-unusable");
    } catch (error) {
      alarms.raise("file-unusable", messageOf(error));
      return [];
    }
    const [before, now] = [this.#known, new Map<string, Known>()];
    this.#known = now;
    const complete: string[] = [];
    for (const name of names) {
      const known = await this.#look(name, before.get(name));
      if (known === null) continue;
      now.set(name, known);
      if (isLeaving(name)) continue;
      if (known.notBeforeMs <= performance.now() && this.#isComplete(name, known)) complete.push(name);
    }
    for (const gone of before.keys()) {
      if (now.has(gone)) continue;
      alarms.clear("file-unusable", gone);
      alarms.clear("file-changed", gone);
    }
    return complete;
  }

  async #names(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { name } of await opendir(this.#config.path)) {
      if (isLeaving(name) || path.matchesGlob(name, this.#config.pattern)) names.push(name);
      if (names.length === LIMITS.feedFiles) break;
    }
    return names.sort();
  }

  /** @returns null for what went away meanwhile, or is none of ours */
  async #look(name: string, before: Known | undefined): Promise<Known | null> {
    if (before?.notBeforeMs === Infinity) return before;
    if (isLeaving(name)) return await this.#finishLeaving(name, before);
    try {
      const look = await lookAt(path.join(this.#config.path, name));
      if (look === null) return null;
      if (before !== undefined && sameLook(before.look, look)) return before;
      if (before?.spooled === true) throw new FileFault("changed", "it changed after all of it was read");
      return { look, sinceMs: performance.now(), notBeforeMs: 0, spooled: false };
    } catch (error) {
      return this.#fault(name, error, before);
    }
  }

  /** By itself: what cannot be deleted holds none of the others up. @returns null once it is gone */
  async #finishLeaving(name: string, before: Known | undefined): Promise<Known | null> {
    if (before !== undefined && before.notBeforeMs > performance.now()) return before;
    try {
      await finishLeaving(this.#config.path, name);
      return null;
    } catch (error) {
      return codeOf(error) === "ENOENT" ? null : this.#fault(name, error, before);
    }
  }

  #isComplete(name: string, { look, sinceMs }: Known): boolean {
    const { complete, file_bytes: bytes, quiet_ms: quietMs } = this.#config;
    if (complete === "quiet") return look.sizeBytes > 0 && performance.now() - sinceMs >= quietMs;
    if (complete === "rename") return true;
    if (bytes === undefined || look.sizeBytes <= bytes) return look.sizeBytes === bytes;
    this.#setAside(name, new FileFault("unusable", `it has ${look.sizeBytes} bytes, more than ${bytes}`));
    return false;
  }

  async #ingest(name: string, signal: AbortSignal): Promise<void> {
    const known = this.#known.get(name);
    if (known === undefined) return;
    try {
      if (!known.spooled) await this.#spoolFile(name, known.look, signal);
      this.#known.set(name, { ...known, spooled: true });
      await putAway(this.#config, name, known.look);
      this.#known.delete(name);
      this.#parts.alarms.clear("file-unusable", name);
    } catch (error) {
      signal.throwIfAborted();
      this.#setAside(name, error);
    }
  }

  async #spoolFile(name: string, look: Look, signal: AbortSignal): Promise<void> {
    const { intake, pressure } = this.#parts;
    if (look.sizeBytes === 0) throw new FileFault("unusable", "it is empty");
    if (`${name}:${look.sizeBytes}`.length > LIMITS.blockIdChars)
      throw new FileFault("unusable", "its name is too long");
    if (CONTROL_CHARACTER.test(name)) throw new FileFault("unusable", "its name holds control characters");
    const file = await KeyFile.open(path.join(this.#config.path, name), look);
    try {
      for (const block of cutBlocks(name, look.sizeBytes)) {
        if (await this.#isSpooled(file, block)) continue;
        await pressure.passed(signal);
        const room = await intake.room(block.sizeBytes, signal);
        let bytes: Uint8Array;
        try {
          bytes = await file.read(block.offset, block.sizeBytes);
        } catch (error) {
          await intake.leave(room);
          throw error;
        }
        try {
          await intake.put(room, { id: block.id, bytes }, signal);
        } finally {
          bytes.fill(0);
        }
      }
    } finally {
      await file.close();
    }
  }

  /** From before a restart, that is; or of another file of this name. @throws FileFault where the bytes are others */
  async #isSpooled(file: KeyFile, { id, offset, sizeBytes }: Block): Promise<boolean> {
    const { spool } = this.#parts;
    if (!spool.has(id)) return false;
    const bytes = await file.read(offset, sizeBytes);
    try {
      const isSame = await spool.holds(id, bytes);
      if (isSame === false)
        throw new FileFault("changed", "its bytes are not those that wait in the spool under its name");
      return isSame ?? false;
    } finally {
      bytes.fill(0);
    }
  }

  #fault(name: string, error: unknown, before: Known | undefined): Known {
    const changed = error instanceof FileFault && error.kind === "changed";
    this.#parts.alarms.raise(changed ? "file-changed" : "file-unusable", messageOf(error), name);
    const nowMs = performance.now();
    return {
      look: before?.look ?? NOT_SEEN,
      sinceMs: before?.sinceMs ?? nowMs,
      notBeforeMs: changed ? Infinity : nowMs + LIMITS.feedFileRetryMs,
      spooled: before?.spooled ?? false,
    };
  }

  #setAside(name: string, error: unknown): void {
    this.#known.set(name, this.#fault(name, error, this.#known.get(name)));
  }
}
