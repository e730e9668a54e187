/** The key that a spool is encrypted under: 32 random bytes in a file that only its owner may read, made once. */
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, unlink } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../log.ts";
import { syncFolder } from "./durable-files.ts";

const SPOOL_KEY_BYTES = 32;
const OTHERS = 0o077;

/** @throws Error where the file is not a key, or others may read it */
export async function readOrMakeKey(file: string): Promise<Buffer> {
  try {
    return await readKey(file);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  await makeKey(file);
  return await readKey(file);
}

async function readKey(file: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { mode } = await handle.stat();
    if ((mode & OTHERS) !== 0) throw new Error(`${file}: others than its owner may read it: chmod 600`);
  } finally {
    await handle.close();
  }
  const key = await readFile(file);
  if (key.length !== SPOOL_KEY_BYTES) throw new Error(`${file}: shall have ${SPOOL_KEY_BYTES} bytes`);
  return key;
}

/** Of two processes that make it at once, both end up with the same one: a link never replaces a file. */
async function makeKey(file: string): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = `${file}.${randomUUID()}.new`;
  const handle = await open(beside, "w", 0o600);
  try {
    await handle.writeFile(randomBytes(SPOOL_KEY_BYTES));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await link(beside, file).catch((error: unknown) => {
    if (codeOf(error) !== "EEXIST") throw error;
  });
  await unlink(beside);
  await syncFolder(folder);
}
