/** Files of the state folder. What is secret is readable by its owner only, from its first byte on. */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf, messageOf, StartFailure } from "./failure.ts";

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

/** Whole or not at all: written beside its place, then moved there. */
export function writeAtomic(file: string, text: string, mode = PRIVATE_FILE): void {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(draft, text, { mode, flag: "wx", flush: true });
    renameSync(draft, file);
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw new StartFailure(`cannot write ${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** `writeAtomic`, and there for good: after a power failure too. */
export function writeDurable(file: string, text: string): void {
  writeAtomic(file, text);
  syncFolder(dirname(file));
}

/** What was made, renamed or removed in it survives a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Makes the folder, closed to others, if it is not there. */
export function ensureFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  // Node's own `recursive` never comes back from a file system that makes no folders, /proc for one.
  if (dirname(folder) !== folder) ensureFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: PRIVATE_FOLDER });
  } catch (thrown) {
    const reason = codeOf(thrown) === "EEXIST" ? "it is not a folder" : messageOf(thrown);
    throw new StartFailure(`cannot use ${folder} as a folder: ${reason}`, { cause: thrown });
  }
}

/** The file's text; null when there is none. */
export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return null;
    throw new StartFailure(`cannot read ${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/**
 * A JSON object of non-empty texts, made by `make` when the file is not there; `make` also says which names it must
 * have.
 */
export function textsFile(
  file: string,
  names: readonly string[],
  make: () => string,
): Readonly<Record<string, string>> {
  const text = readIfThere(file);
  const known = text === null ? {} : parseTexts(file, text);
  const missing = names.filter((name) => known[name] === undefined);
  if (text !== null) chmodSync(file, PRIVATE_FILE);
  if (missing.length === 0) return known;
  const all = { ...known, ...Object.fromEntries(missing.map((name) => [name, make()])) };
  writeAtomic(file, `${JSON.stringify(all, null, 2)}\n`);
  return all;
}

/** Throws a StartFailure that names the file, never its contents. */
export function parseTexts(file: string, text: string): Readonly<Record<string, string>> {
  const broken = (reason: string): StartFailure =>
    new StartFailure(`${file} is broken (${reason}): put back a good copy, or start with another --state folder`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken("not a JSON object");
  const texts: Record<string, string> = {};
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== "string" || member === "") throw broken(`member ${name} is not a text`);
    texts[name] = member;
  }
  return texts;
}

export const isThere = (path: string): boolean => existsSync(path);
