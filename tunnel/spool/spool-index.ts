/** Which blocks are in a spool, and how much they come to. Pure: what is on disk is the spool's business. */
import type { Entry } from "./spool-folder.ts";

export class SpoolIndex {
  /** In the order of their numbers. */
  readonly #waiting = new Map<number, Entry>();
  readonly #refused = new Set<number>();
  readonly #ids = new Map<string, Entry>();
  #storedBytes = 0;
  #waitingBytes = 0;

  get waiting(): Iterable<Entry> {
    return this.#waiting.values();
  }
  get waitingCount(): number {
    return this.#waiting.size;
  }
  /** As the device gave them. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }
  get refusedCount(): number {
    return this.#refused.size;
  }
  /** On disk. */
  get storedBytes(): number {
    return this.#storedBytes;
  }
  /** Waiting and refused. */
  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Of a block, waiting or refused. */
  entry(id: string): Entry | undefined {
    return this.#ids.get(id);
  }

  /** A block that waits from now on. */
  enter(entry: Entry): void {
    this.#waiting.set(entry.number, entry);
    this.#ids.set(entry.id, entry);
    this.#storedBytes += entry.storedBytes;
    this.#waitingBytes += entry.sizeBytes;
  }

  /** It waits no longer, and stays. */
  setAside(entry: Entry): void {
    if (this.#waiting.delete(entry.number)) this.#waitingBytes -= entry.sizeBytes;
    this.#refused.add(entry.number);
  }

  /** A block that waited is gone. */
  forget(number: number): void {
    const entry = this.#waiting.get(number);
    if (entry === undefined) return;
    this.#waiting.delete(number);
    this.#ids.delete(entry.id);
    this.#storedBytes -= entry.storedBytes;
    this.#waitingBytes -= entry.sizeBytes;
  }
}
