/**
 * A bounded, encrypted queue of blocks on disk, one a feed. A block is in it before the device is told anything that
 * would make the device forget it, and leaves it when the edge has it durably.
 *
 * Crash-safe: whatever is killed when, a block that `put` has answered for is there exactly once at the next start,
 * and no number is ever given to two blocks.
 */
import { timingSafeEqual } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { err, ok, type Result } from "../../shared/result.ts";
import { messageOf } from "../log.ts";
import { allocate, type Open, overwrite, syncFolder, wipe } from "./durable-files.ts";
import { holdFolder } from "./lock.ts";
import { Mutex } from "./mutex.ts";
import { seal, sealedBytesAtMost, type SpoolBlock, unseal } from "./sealed-block.ts";
import { discard, type Entry, fileOf, type Found, readFolder, readSealed, roomFile, sealName } from "./spool-folder.ts";
import { SpoolIndex } from "./spool-index.ts";
import { readState, type SpoolState, writeState } from "./state.ts";

export interface SpoolOptions {
  /** Of this feed alone. */
  readonly folder: string;
  readonly key: Buffer;
  readonly maxBytes: number;
  readonly maxBlocks: number;
  readonly open?: Open;
}

/** Room on disk, written out with zeros, for one block. */
export interface Room {
  readonly file: string;
  readonly storedBytes: number;
}

export interface NoRoom {
  /** `full`: the spool's own bounds. `disk`: what the system says. */
  readonly why: "full" | "disk";
  readonly detail: string;
}

const systemsWord = (error: unknown): Result<never, NoRoom> => err({ why: "disk", detail: messageOf(error) });

export class Spool {
  readonly #options: SpoolOptions;
  readonly #open: Open;
  readonly #release: () => Promise<void>;
  readonly #mutex = new Mutex();
  #state: SpoolState;
  readonly #index = new SpoolIndex();
  #nextNumber: number;
  #damaged: number;
  #roomBytes = 0;
  #rooms = 0;
  #roomCount = 0;
  readonly #listeners = new Set<() => void>();

  private constructor(options: SpoolOptions, state: SpoolState, found: Found, release: () => Promise<void>) {
    this.#options = options;
    this.#open = options.open ?? open;
    this.#release = release;
    this.#state = state;
    this.#nextNumber = Math.max(state.nextNumber, found.nextNumber);
    this.#damaged = found.damaged.length;
    for (const entry of found.waiting) this.#index.enter(entry);
  }

  /** @throws Error where the folder cannot be used, or another process uses it */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { folder, key } = options;
    const openFile = options.open ?? open;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await syncFolder(path.dirname(folder));
    const release = await holdFolder(folder);
    try {
      const state = await readState(folder, key, openFile);
      const found = await readFolder(folder, key, state.instance, openFile);
      return new Spool(options, state, found, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Held by this process as long as the spool is open. */
  get folder(): string {
    return this.#options.folder;
  }
  /** Unlike any other spool's, for ever. */
  get instance(): string {
    return this.#state.instance;
  }
  /** Of the next block that is put: the same after a restart as before, until one is. */
  get nextNumber(): number {
    return this.#nextNumber;
  }
  /** Blocks that wait for the edge, oldest first. */
  get waiting(): Iterable<Entry> {
    return this.#index.waiting;
  }
  get waitingCount(): number {
    return this.#index.waitingCount;
  }
  /** Of their bytes, as the device gave them. */
  get waitingBytes(): number {
    return this.#index.waitingBytes;
  }
  get refusedCount(): number {
    return this.#index.refusedCount;
  }
  get damagedCount(): number {
    return this.#damaged;
  }
  get storedBytes(): number {
    return this.#index.storedBytes + this.#roomBytes;
  }
  /** Is a block of this id here, waiting or refused? */
  has(id: string): boolean {
    return this.#index.has(id);
  }

  /**
   * Are these the bytes of the block of this id? False too where that can no longer be opened, so that nobody takes it for
   * kept; null where there is none (any more).
   */
  async holds(id: string, bytes: Uint8Array): Promise<boolean | null> {
    const entry = this.#index.entry(id);
    if (entry === undefined) return null;
    const sealed = await readSealed(this.#options.folder, entry.number);
    if (sealed === null) return null;
    const block = unseal(this.#options.key, sealName(this.instance, entry.number), sealed);
    if (block === null) return false;
    const isSame = block.bytes.length === bytes.length && timingSafeEqual(block.bytes, bytes);
    block.bytes.fill(0);
    return isSame;
  }

  /** Resolves with the next block that comes or goes, or with `signal`. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const listener = () => {
        this.#listeners.delete(listener);
        signal.removeEventListener("abort", listener);
        resolve();
      };
      this.#listeners.add(listener);
      signal.addEventListener("abort", listener);
    });
  }

  /** Makes sure that a block can be kept, before the device gives it away. */
  async room(sizeBytes: number, keyIds = 0): Promise<Result<Room, NoRoom>> {
    const storedBytes = sealedBytesAtMost(sizeBytes, keyIds);
    const { maxBytes, maxBlocks, folder } = this.#options;
    const blocks = this.#index.size + this.#rooms;
    if (blocks >= maxBlocks) return err({ why: "full", detail: `${blocks} of ${maxBlocks} blocks` });
    if (this.storedBytes + storedBytes > maxBytes) {
      return err({ why: "full", detail: `${this.storedBytes} of ${maxBytes} bytes, and ${storedBytes} to come` });
    }
    const file = roomFile(folder, this.#roomCount++);
    this.#roomBytes += storedBytes;
    this.#rooms++;
    try {
      await allocate(file, storedBytes, this.#open);
    } catch (error) {
      await this.leave({ file, storedBytes });
      return systemsWord(error);
    }
    return ok({ file, storedBytes });
  }

  /** Gives room back. */
  async leave({ file, storedBytes }: Room): Promise<void> {
    this.#roomBytes -= storedBytes;
    this.#rooms--;
    await discard(file, this.#open);
  }

  /**
   * Keeps a block for good, in the room made for it. A block of an id that is here already is not kept twice.
   * @returns a failure of the disk: the room is lost then, the block is still the caller's
   */
  async put(room: Room, block: SpoolBlock): Promise<Result<null, NoRoom>> {
    return await this.#mutex.run(async () => {
      const { folder, key } = this.#options;
      if (this.has(block.id)) {
        await this.leave(room);
        return ok(null);
      }
      const number = this.#nextNumber;
      const sealed = seal(key, sealName(this.instance, number), block);
      try {
        if (sealed.length > room.storedBytes) throw new Error("the block is larger than the room made for it");
        await overwrite(room.file, sealed, this.#open);
        await rename(room.file, fileOf(folder, number, "block"));
        await syncFolder(folder);
      } catch (error) {
        // Renamed or not, it does not count: nobody was told that it is kept.
        await discard(fileOf(folder, number, "block"), this.#open).catch(() => null);
        await this.leave(room);
        return systemsWord(error);
      }
      this.#nextNumber = number + 1;
      this.#roomBytes -= room.storedBytes;
      this.#rooms--;
      this.#index.enter({ number, id: block.id, sizeBytes: block.bytes.length, storedBytes: sealed.length });
      this.#tell();
      return ok(null);
    });
  }

  /** @returns null where the file no longer opens: the block is set apart as damaged */
  async read({ number }: Entry): Promise<SpoolBlock | null> {
    const { folder, key } = this.#options;
    const file = fileOf(folder, number, "block");
    const block = unseal(key, sealName(this.instance, number), await readFile(file));
    if (block !== null) return block;
    await rename(file, fileOf(folder, number, "damaged"));
    this.#forget(number);
    this.#damaged++;
    return null;
  }

  /** The edge has it durably: it is overwritten and gone. */
  async delivered({ number }: Entry): Promise<void> {
    const { folder } = this.#options;
    const gone = fileOf(folder, number, "gone");
    await this.#mutex.run(async () => {
      // A higher block's file tells how far was counted; that of the highest is about to go.
      if (number === this.#nextNumber - 1) await this.#rememberCount();
      // First another name, for good: half overwritten, a block of the old one would look damaged after a crash.
      await rename(fileOf(folder, number, "block"), gone);
      await syncFolder(folder);
    });
    this.#forget(number);
    await wipe(gone, this.#open);
  }

  /** The edge will not take it: it is kept, set aside until the next start. */
  async refuse(entry: Entry): Promise<void> {
    const { folder } = this.#options;
    const { number } = entry;
    await this.#mutex.run(async () => {
      // An operator may delete its file by hand: the count goes on all the same.
      await this.#rememberCount();
      await rename(fileOf(folder, number, "block"), fileOf(folder, number, "refused"));
      await syncFolder(folder);
    });
    this.#index.setAside(entry);
    this.#tell();
  }

  /** After the last use of it. What waits stays for the next start. */
  async close(): Promise<void> {
    await this.#mutex.run(async () => {});
    await this.#release();
  }

  async #rememberCount(): Promise<void> {
    const next = { ...this.#state, nextNumber: this.#nextNumber };
    await writeState(this.#options.folder, next, this.#open);
    this.#state = next;
  }

  #forget(number: number): void {
    this.#index.forget(number);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
