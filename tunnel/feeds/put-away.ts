/** What becomes of a device's file once all of it is in the spool. */
import { lstat, mkdir, open, rename } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../log.ts";
import { syncFolder, wipe } from "../spool/durable-files.ts";
import type { DirectoryConfig } from "./config.ts";
import { FileFault, type Look, lookAt, sameLook } from "./key-file.ts";

/** Files of one name there may be in the folder of those that are done. */
const MAX_NAMESAKES = 1000;

/**
 * A file is overwritten under a name of our own only, with its inode's number in it: one that a crash left half
 * overwritten under the device's name would be read as key material. Others may write in the device's folder, so that the
 * name proves nothing.
 */
const LEAVING = ".qkd-leaving-";

/** A file that was about to be deleted; never one to read. */
export const isLeaving = (name: string): boolean => name.startsWith(LEAVING);

/** Finishes what a crash has cut off. @throws FileFault for what was never about to be deleted: it is left as it is */
export async function finishLeaving(folder: string, name: string): Promise<void> {
  await wipe(path.join(folder, name), open, (stats) => {
    if (!stats.isFile()) throw new FileFault("unusable", "it is not a plain file");
    if (stats.nlink !== 1n) throw new FileFault("unusable", `${OTHER_NAMES}: it is not overwritten`);
    if (name !== leavingName(stats.ino)) throw new FileFault("unusable", "it is not the file that was read");
  });
}

const OTHER_NAMES = "it has other names besides this one";
const leavingName = (inode: bigint): string => `${LEAVING}${inode}`;

/** @throws FileFault where it is no longer the file that was read: what the device wrote since is nobody's to delete */
export async function putAway(config: DirectoryConfig, name: string, read: Look): Promise<void> {
  const file = path.join(config.path, name);
  const look = await lookAt(file);
  if (look === null) return;
  if (!sameLook(look, read)) throw new FileFault("changed", "it changed after all of it was read");
  if (config.done_path === undefined) {
    // What shares its bytes with a file elsewhere would take that along.
    if ((await lstat(file)).nlink !== 1) throw new FileFault("unusable", `${OTHER_NAMES}: it is not deleted`);
    const leaving = leavingName(look.inode);
    await rename(file, path.join(config.path, leaving));
    await syncFolder(config.path);
    await finishLeaving(config.path, leaving);
  } else {
    await mkdir(config.done_path, { recursive: true, mode: 0o700 });
    await rename(file, await freeName(path.join(config.done_path, name)));
    await syncFolder(config.done_path);
  }
  await syncFolder(config.path);
}

/** A file that is done is never replaced by a later one of its name. */
async function freeName(wanted: string): Promise<string> {
  for (let count = 0; count < MAX_NAMESAKES; count++) {
    const name = count === 0 ? wanted : `${wanted}.${count}`;
    try {
      await lstat(name);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return name;
      throw error;
    }
  }
  throw new Error(`${wanted}: there are ${MAX_NAMESAKES} files of this name`);
}
