/** One file on its way out: read piece by piece, hashed as it goes, handed on only as fast as it leaves. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../../shared/bytes/hex.ts";
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";

/** The part of a browser's `File` that is used. */
export interface FileToSend {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

export type FilePart =
  | { readonly kind: "chunk"; readonly offset: number; readonly bytes: Bytes }
  | { readonly kind: "end"; readonly sha256: string };

export class FileSend {
  readonly #file: FileToSend;
  readonly #hash = sha256.create();
  #offset = 0;
  #isEnded = false;

  constructor(file: FileToSend) {
    this.#file = file;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** To be called again when the last call has been answered. Null after the end. @throws Error where it cannot be read */
  async next(): Promise<FilePart | null> {
    if (this.#isEnded) return null;
    const offset = this.#offset;
    if (offset >= this.#file.size) {
      this.#isEnded = true;
      return { kind: "end", sha256: toHex(this.#hash.digest()) };
    }
    const end = Math.min(this.#file.size, offset + BOUNDS.chunkBytes);
    const bytes = new Uint8Array(await this.#file.slice(offset, end).arrayBuffer());
    if (bytes.length !== end - offset) throw new Error("the file has changed");
    this.#hash.update(bytes);
    this.#offset = end;
    return { kind: "chunk", offset, bytes };
  }
}

/** Of a file that was chosen: why it cannot be sent; null: it can. */
export function whyNot({ name, size }: Pick<FileToSend, "name" | "size">): string | null {
  const most = `${BOUNDS.fileBytes / 1024 / 1024} MB`;
  if (size > BOUNDS.fileBytes) return `${name} is larger than ${most}`;
  return name.length > BOUNDS.fileNameChars ? "its name is too long" : null;
}
