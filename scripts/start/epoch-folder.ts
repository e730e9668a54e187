/**
 * The folder of the epoch keys: a file a key, `epoch-<number>`, base64. What is made is on the disk before it is used,
 * and what is destroyed is overwritten first, as far as the file system writes in place.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, StartFailure } from "./failure.ts";
import { isThere, readIfThere, syncFolder } from "./files.ts";

export const EPOCH_KEY_BYTES = 32;
const FILE_NAME = /^epoch-(?<epoch>[1-9]\d{0,8})$/;
const DRAFT = "draft.";
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

/** A key at random, in base64. */
export const newEpochKey = (): string => randomBytes(EPOCH_KEY_BYTES).toString("base64");

/** Is this text base64 of a whole key? */
export const isEpochKey = (text: string): boolean => Buffer.from(text, "base64").length === EPOCH_KEY_BYTES;

export class EpochFolder {
  readonly path: string;

  /** @param path of a folder that is there, and nobody else's: it is closed to others, drafts of a crash are removed */
  constructor(path: string) {
    this.path = path;
    chmodSync(path, PRIVATE_FOLDER);
    for (const name of readdirSync(path)) if (name.startsWith(DRAFT)) rmSync(join(path, name));
  }

  /** In rising order. */
  numbers(): number[] {
    return readdirSync(this.path)
      .flatMap((name) => FILE_NAME.exec(name)?.groups?.["epoch"] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** Base64; null where there is no such key. @throws StartFailure where the file holds none */
  read(epoch: number): string | null {
    const text = readIfThere(this.#file(epoch))?.trim() ?? null;
    if (text === null || isEpochKey(text)) return text;
    throw new StartFailure(
      `${this.#file(epoch)} is broken (no epoch key of ${EPOCH_KEY_BYTES} bytes): put back a good copy`,
    );
  }

  /** A new key at random, unless it is there already. */
  make(epoch: number): void {
    if (!isThere(this.#file(epoch))) this.put(epoch, newEpochKey());
  }

  /** Durable once it returns. A key that is there stays. */
  put(epoch: number, key: string): void {
    const draft = join(this.path, `${DRAFT}${process.pid}`);
    try {
      write(openSync(draft, "wx", PRIVATE_FILE), `${key}\n`);
      linkSync(draft, this.#file(epoch));
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") {
        throw new StartFailure(`cannot write ${this.#file(epoch)}: ${messageOf(thrown)}`, { cause: thrown });
      }
    } finally {
      rmSync(draft, { force: true });
    }
    syncFolder(this.path);
  }

  /** Idempotent; durable once it returns. */
  destroy(epoch: number): void {
    const size = statSync(this.#file(epoch), { throwIfNoEntry: false })?.size;
    if (size === undefined) return;
    write(openSync(this.#file(epoch), "r+"), "0".repeat(size));
    unlinkSync(this.#file(epoch));
    syncFolder(this.path);
  }

  #file(epoch: number): string {
    return join(this.path, `epoch-${epoch}`);
  }
}

function write(file: number, text: string): void {
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
