/** Public keys of the two ends: this one's is written down for the other end, the other end's is read. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fromHex } from "../../../shared/bytes/hex.ts";
import { PUBLIC_KEY_BYTES } from "../../../shared/qkd-module/parts.ts";
import { writeDurably } from "../../spool/durable-files.ts";

const FILE = "public-key.hex";

export async function writePublicKey(folder: string, publicKey: string): Promise<void> {
  await writeDurably(path.join(folder, FILE), `${publicKey}\n`);
}

/** @throws Error where there is no such file, or it holds no public key */
export async function readPeerKey(file: string): Promise<Uint8Array> {
  const text = (await readFile(file, "utf8")).trim();
  const key = fromHex(text);
  if (key?.length !== PUBLIC_KEY_BYTES) {
    throw new Error(`${file}: shall hold ${2 * PUBLIC_KEY_BYTES} hex digits, as ${FILE} at the other end`);
  }
  return key;
}
