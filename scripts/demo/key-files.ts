/** A device pair that leaves its key as files: the same one at both ends, of random material. */
import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../../shared/limits.ts";

/** 64 KiB each 5 s is about 100 kbit/s. */
const INTERVAL_MS = 5000;
/** While so many files wait in a folder, no more are made: nobody reads them. */
const MAX_WAITING = 4;
const PRIVATE_FILE = 0o600;
/** Of a file that is being written: it fits no feed's pattern. */
const DRAFT = ".part";
export const KEY_FILES = "*.cor";

/** Starts at once. @returns how to stop it */
export function dropKeyFiles(folders: readonly string[]): () => void {
  for (const folder of folders) removeDrafts(folder);
  drop(folders);
  const timer = setInterval(() => drop(folders), INTERVAL_MS);
  return () => clearInterval(timer);
}

function drop(folders: readonly string[]): void {
  if (folders.some((folder) => readdirSync(folder).length >= MAX_WAITING)) return;
  const bytes = randomBytes(LIMITS.fileBlockBytes);
  // The name is half of a block's id, which never comes again.
  const name = `${new Date().toISOString().replaceAll(/[:.]/g, "-")}.cor`;
  const files = folders.map((folder) => join(folder, name));
  try {
    for (const file of files) writeFileSync(file + DRAFT, bytes, { mode: PRIVATE_FILE });
    for (const file of files) renameSync(file + DRAFT, file);
  } finally {
    bytes.fill(0);
  }
}

function removeDrafts(folder: string): void {
  for (const name of readdirSync(folder)) if (name.endsWith(DRAFT)) rmSync(join(folder, name));
}
