/** Keys that a master took and a slave has yet to fetch, a million of them in little memory, in random order. Pure. */
import { bytesOfId } from "./checks.ts";

const ID_BYTES = 16;
const FIRST_KEYS = 1024;

export class TakenKeys {
  readonly #entryBytes: number;
  #entries: Buffer;
  #count = 0;

  constructor(sizeBits: number) {
    this.#entryBytes = ID_BYTES + sizeBits / 8;
    this.#entries = Buffer.alloc(FIRST_KEYS * this.#entryBytes);
  }

  get count(): number {
    return this.#count;
  }

  /** @param key base64 */
  add(id: string, key: string): void {
    const at = this.#count * this.#entryBytes;
    if (at === this.#entries.length) this.#entries = Buffer.concat([this.#entries, Buffer.alloc(at)]);
    bytesOfId(id).copy(this.#entries, at);
    this.#entries.write(key, at + ID_BYTES, "base64");
    this.#count++;
  }

  /** Any of them, which then is gone; undefined where there is none. @param random in [0, 1) */
  take(random: number): { readonly id: string; readonly key: string } | undefined {
    if (this.#count === 0) return undefined;
    const at = Math.floor(random * this.#count) * this.#entryBytes;
    const entry = Buffer.from(this.#entries.subarray(at, at + this.#entryBytes));
    this.#count--;
    // The last one takes its place.
    this.#entries.copyWithin(at, this.#count * this.#entryBytes, (this.#count + 1) * this.#entryBytes);
    const hex = entry.toString("hex", 0, ID_BYTES);
    return {
      id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
      key: entry.toString("base64", ID_BYTES),
    };
  }
}
