/** A device's key file, read with the suspicion that it is a link, a pipe, unreadable, or still being written. */
import { constants, type BigIntStats } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { codeOf } from "../log.ts";

/** By what a change of the file shows. */
export interface Look {
  readonly sizeBytes: number;
  readonly changedNs: bigint;
  readonly inode: bigint;
}

/** `changed`: part of it may be in the spool, so it must never be taken for a file of another content. */
export class FileFault extends Error {
  readonly kind: "unusable" | "changed";

  constructor(kind: FileFault["kind"], message: string) {
    super(message);
    this.name = "FileFault";
    this.kind = kind;
  }
}

export const sameLook = (a: Look, b: Look): boolean =>
  a.sizeBytes === b.sizeBytes && a.changedNs === b.changedNs && a.inode === b.inode;

const lookOf = ({ size, mtimeNs, ino }: BigIntStats): Look => ({
  sizeBytes: Number(size),
  changedNs: mtimeNs,
  inode: ino,
});

/** @returns null where there is none, or it is a folder. @throws FileFault for what is no plain file */
export async function lookAt(file: string): Promise<Look | null> {
  let stats: BigIntStats;
  try {
    stats = await lstat(file, { bigint: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  if (stats.isDirectory()) return null;
  if (!stats.isFile()) throw new FileFault("unusable", "it is not a plain file");
  return lookOf(stats);
}

export class KeyFile {
  readonly #handle: FileHandle;
  readonly #look: Look;

  private constructor(handle: FileHandle, look: Look) {
    this.#handle = handle;
    this.#look = look;
  }

  /** @throws FileFault where it is no longer the file that was looked at */
  static async open(file: string, look: Look): Promise<KeyFile> {
    // What came in its place meanwhile: links are not followed, and a pipe without a writer does not hold us up.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const opened = new KeyFile(handle, look);
    try {
      await opened.#check("unusable");
    } catch (error) {
      await handle.close();
      throw error;
    }
    return opened;
  }

  /** @throws FileFault where the file has changed since it was looked at */
  async read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(sizeBytes);
    for (let read = 0; read < sizeBytes;) {
      const { bytesRead } = await this.#handle.read(bytes, read, sizeBytes - read, offset + read);
      if (bytesRead === 0) throw new FileFault("changed", "it became shorter while it was read");
      read += bytesRead;
    }
    await this.#check("changed");
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #check(kind: FileFault["kind"]): Promise<void> {
    const stats = await this.#handle.stat({ bigint: true });
    if (stats.isFile() && sameLook(lookOf(stats), this.#look)) return;
    throw new FileFault(kind, "it changed although it was complete");
  }
}
