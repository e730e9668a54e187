/** How a spool's folder is laid out, and what of it is still good after a crash. */
import { readdir, readFile, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../log.ts";
import { type Open, wipe } from "./durable-files.ts";
import { unseal } from "./sealed-block.ts";

/** A block in the spool: its bytes stay on disk. */
export interface Entry {
  /** Counts the blocks of this spool; never given twice. */
  readonly number: number;
  readonly id: string;
  readonly sizeBytes: number;
  /** On disk. */
  readonly storedBytes: number;
}

/** `gone`: delivered, about to be overwritten. `damaged`: cannot be opened; kept for whoever looks into it. */
export type EntryState = "block" | "refused" | "gone" | "damaged";

const NUMBER_DIGITS = 15;
const NAME = /^(?<number>[0-9]{15})\.(?<state>block|refused|gone|damaged)$/;
/** Never a block that anybody was told is kept. */
const UNFINISHED = /^room-[0-9]+$|\.new$/;

export const fileOf = (folder: string, number: number, state: EntryState): string =>
  path.join(folder, `${String(number).padStart(NUMBER_DIGITS, "0")}.${state}`);

export const roomFile = (folder: string, count: number): string => path.join(folder, `room-${count}`);

/** What the sealed file is bound to. */
export const sealName = (instance: string, number: number): string => `${instance}/${number}`;

export interface Found {
  readonly waiting: Entry[];
  /** Numbers of blocks that cannot be opened. */
  readonly damaged: number[];
  /** Beyond every number in use. */
  readonly nextNumber: number;
}

/** Reads the folder as a crash may have left it, in the order of numbers; finishes what was under way. */
export async function readFolder(folder: string, key: Buffer, instance: string, openFile: Open): Promise<Found> {
  const found: Found = { waiting: [], damaged: [], nextNumber: 0 };
  let nextNumber = 0;
  for (const name of (await readdir(folder)).sort()) {
    const file = path.join(folder, name);
    const groups = NAME.exec(name)?.groups;
    if (groups === undefined) {
      if (UNFINISHED.test(name)) await wipe(file, openFile);
      continue;
    }
    const number = Number(groups["number"]);
    nextNumber = Math.max(nextNumber, number + 1);
    const state = groups["state"] as EntryState;
    if (state === "gone") await wipe(file, openFile);
    else if (state === "damaged") found.damaged.push(number);
    else {
      const entry = await readEntry(file, key, instance, number);
      const isGood = entry !== null;
      if (isGood) found.waiting.push(entry);
      else found.damaged.push(number);
      // What was refused waits again: whoever started us anew may have done so because the reason is gone.
      await rename(file, fileOf(folder, number, isGood ? "block" : "damaged"));
    }
  }
  return { ...found, nextNumber };
}

async function readEntry(file: string, key: Buffer, instance: string, number: number): Promise<Entry | null> {
  const sealed = await readFile(file);
  const block = unseal(key, sealName(instance, number), sealed);
  if (block === null) return null;
  block.bytes.fill(0);
  return { number, id: block.id, sizeBytes: block.bytes.length, storedBytes: sealed.length };
}

/** The file of a block that waits or was refused meanwhile; null where it has gone. */
export async function readSealed(folder: string, number: number): Promise<Buffer | null> {
  for (const state of ["block", "refused"] as const) {
    try {
      return await readFile(fileOf(folder, number, state));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
  return null;
}

/** Unlinks a file that may be gone already, overwriting it where that is possible. */
export async function discard(file: string, openFile: Open): Promise<void> {
  try {
    await wipe(file, openFile);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    await unlink(file);
  }
}
