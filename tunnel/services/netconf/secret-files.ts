/** Passwords, private keys and host keys lie in files; what is read is the reader's to wipe. */
import { open } from "node:fs/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { codeOf } from "../../log.ts";

/** @returns null where there is no such file. Throws what the system says, and for a file too long. */
export async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return null;
    throw thrown;
  }
}

export async function readFile(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size > LIMITS.netconfFileBytes) throw new Error(`${file}: has more than ${LIMITS.netconfFileBytes} bytes`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** As an editor leaves it: a line, with its end. */
export async function firstLine(file: string): Promise<string> {
  const bytes = await readFile(file);
  const [line = ""] = bytes.toString("utf8").split(/\r?\n/);
  bytes.fill(0);
  return line;
}
