/** Files that are there, whole, after a crash at any moment: written beside, synced, renamed, and the folder synced. */
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import path from "node:path";

/** How files are opened: tests put a disk in between that is full or fails. */
export type Open = (file: string, flags: string | number, mode?: number) => Promise<FileHandle>;

const PIECE_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(PIECE_BYTES);
const OWNER_ONLY = 0o600;

/** A rename or unlink is durable once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Takes the place of what was there under this name, all or nothing. */
export async function writeDurably(file: string, bytes: Uint8Array | string, openFile: Open = open): Promise<void> {
  const beside = `${file}.new`;
  const handle = await openFile(beside, "w", OWNER_ONLY);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  await syncFolder(path.dirname(file));
}

/** A new file of zeros, written out: blocks on disk that what comes later can be written over. */
export async function allocate(file: string, sizeBytes: number, openFile: Open = open): Promise<void> {
  const handle = await openFile(file, "wx", OWNER_ONLY);
  try {
    await writeZeros(handle, sizeBytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes over a file from its beginning and cuts off the rest. */
export async function overwrite(file: string, bytes: Uint8Array, openFile: Open = open): Promise<void> {
  const handle = await openFile(file, "r+");
  try {
    await handle.writeFile(bytes);
    await handle.truncate(bytes.length);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Overwrites a file and deletes it. What that cannot promise: SSDs write elsewhere and keep the old cells for a while;
 * so do journals of data, copy-on-write file systems (btrfs, ZFS), snapshots and backups. There, erasure rests on the
 * spool's encryption (for a device's own plain files: on full-disk encryption).
 *
 * @param check throws where the file that was opened is none to overwrite: by its name alone, nobody knows
 */
export async function wipe(file: string, openFile: Open = open, check = onlyPlainFile): Promise<void> {
  // A link is not followed, and a pipe or a device does not hold us up.
  const handle = await openFile(file, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat({ bigint: true });
    check(stats);
    await writeZeros(handle, Number(stats.size));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await unlink(file);
}

function onlyPlainFile(stats: BigIntStats): void {
  if (!stats.isFile()) throw new Error("it is not a plain file");
}

async function writeZeros(handle: FileHandle, sizeBytes: number): Promise<void> {
  for (let at = 0; at < sizeBytes;) {
    const { bytesWritten } = await handle.write(ZEROS, 0, Math.min(PIECE_BYTES, sizeBytes - at), at);
    at += bytesWritten;
  }
}
