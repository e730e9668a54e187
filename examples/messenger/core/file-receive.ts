/** One file on its way in: what the seal cannot promise, that all of it has come and in order, is checked here. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../../shared/bytes/hex.ts";
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";

export class FileReceive {
  readonly #sizeBytes: number;
  readonly #hash = sha256.create();
  #chunks: Bytes[] = [];
  #receivedBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** @returns false for a piece that is not the next one, or not as large as it is to be: many small ones cost memory */
  add(offset: number, bytes: Bytes): boolean {
    const nextBytes = Math.min(BOUNDS.chunkBytes, this.#sizeBytes - this.#receivedBytes);
    if (offset !== this.#receivedBytes || bytes.length !== nextBytes || nextBytes === 0) return false;
    this.#hash.update(bytes);
    this.#chunks.push(bytes);
    this.#receivedBytes += bytes.length;
    return true;
  }

  /** @param sha256Hex of the whole, as its sender says. Null where it is not what was sent */
  end(sha256Hex: string): readonly Bytes[] | null {
    const isWhole = this.#receivedBytes === this.#sizeBytes && toHex(this.#hash.digest()) === sha256Hex;
    const chunks = this.#chunks;
    this.#chunks = [];
    return isWhole ? chunks : null;
  }
}

/** What a file may be called on disk: a name, no path, nothing that a terminal or a file manager would act on. */
export function safeName(name: string): string {
  const plain = name.replace(/[\p{Cc}\p{Cf}/\\:*?"<>|]/gu, "_").replace(/^\.+/, "_");
  return plain.trim() === "" ? "file" : plain;
}
