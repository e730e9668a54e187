/**
 * Somebody with a copy of a state folder and some epoch keys, who tries to rebuild keys that were delivered: from the
 * files as they lie there, from the rows the tables hold, and from what the write-ahead logs and free pages still
 * keep of rows that are gone. Knows the program's formats, and no more.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GcmTags } from "./gcm-tags.ts";

const RUN_BYTES = 8;
const [IV_BYTES, KEY_BYTES, TAG_BYTES] = [12, 32, 16];
const WRAPPED_BYTES = IV_BYTES + KEY_BYTES + TAG_BYTES;
const UNIT_BYTES = 4096;

/** Finds any 8 bytes in a row of any of some keys. */
export class Needles {
  readonly #runs = new Map<string, number>();
  /** Which 24-bit words begin a run: nearly all that is looked at ends here. */
  readonly #starts = new Uint8Array(2 ** 21);

  constructor(keys: readonly Buffer[]) {
    keys.forEach((key, index) => {
      for (let at = 0; at + RUN_BYTES <= key.length; at++) {
        this.#runs.set(key.toString("latin1", at, at + RUN_BYTES), index);
        const start = key.readUIntBE(at, 3);
        this.#starts[start >> 3] = (this.#starts[start >> 3] ?? 0) | (1 << (start & 7));
      }
    });
  }

  /** Adds to `found` the keys some run of which lies in `bytes`. */
  search(bytes: Uint8Array, found: Set<number>): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    for (let at = 2; at < bytes.length; at++) {
      start = ((start << 8) | (bytes[at] ?? 0)) & 0xffffff;
      if ((((this.#starts[start >> 3] ?? 0) >> (start & 7)) & 1) === 0) continue;
      const key = this.#runs.get(text.toString("latin1", at - 2, at - 2 + RUN_BYTES));
      if (key !== undefined) found.add(key);
    }
  }
}

/** Names of the epoch keys' files in a copy, with the keys. */
export function epochKeysOf(folder: string): Buffer[] {
  const keys = join(folder, "epoch-keys");
  return readdirSync(keys).map((name) => Buffer.from(readFileSync(join(keys, name), "utf8"), "base64"));
}

/** A database with its log, and the pairs it names. */
interface Storage {
  readonly files: readonly Buffer[];
  readonly database: string | null;
  readonly pairs: readonly string[];
}

/** @returns the keys (by their places in what `needles` was made of) of which any piece came to light */
export function rebuild(folder: string, epochKeys: readonly Buffer[], needles: Needles): Set<number> {
  const found = new Set<number>();
  const search = (bytes: Uint8Array): void => needles.search(bytes, found);
  for (const storage of storagesOf(folder)) {
    for (const file of storage.files) search(file);
    const wrapping = storage.pairs.flatMap((pair) => epochKeys.map((key) => wrappingKey(key, pair)));
    const dataKeys = new Map<string, Buffer>();
    for (const file of storage.files) {
      for (const { dataKey, end } of unwrapAnywhere(file, wrapping)) {
        dataKeys.set(dataKey.toString("hex"), dataKey);
        // What follows a wrapped key in its row is the beginning of what it protects.
        search(applied(keystreamOf(dataKey), 0, file.subarray(end, end + UNIT_BYTES)));
      }
    }
    for (const dataKey of dataKeys.values()) for (const file of storage.files) searchPages(file, dataKey, search);
    if (storage.database !== null) for (const unit of liveUnits(storage.database, wrapping)) search(unit);
  }
  return found;
}

function storagesOf(folder: string): Storage[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
  const groups = Map.groupBy(files, (path) => join(dirname(path), basename(path).replace(/\.sqlite.*$/, "")));
  return [...groups.values()].map((paths) => {
    const contents = paths.map((path) => readFileSync(path));
    const names = contents.flatMap((bytes) => bytes.toString("latin1").match(/[\w.-]{1,64}\|[\w.-]{1,64}#\d/g) ?? []);
    return {
      files: contents,
      database: paths.find((path) => path.endsWith(".sqlite")) ?? null,
      // A name may stand right behind letters that are not part of it.
      pairs: [...new Set(names.flatMap((name) => tails(name.replace(/#\d$/, ""))))],
    };
  });
}

/** Of `key-pool:tn-1|tn-2` or `xtn-1|tn-2`, `tn-1|tn-2` too. */
const tails = (name: string): string[] => {
  const at = name.indexOf("tn-");
  return at <= 0 ? [name] : [name, name.slice(at)];
};

const wrappingKey = (epochKey: Buffer, pair: string): Buffer =>
  Buffer.from(hkdfSync("sha256", epochKey, "", `qkd-edge data key wrapping|${pair}`, KEY_BYTES));

function decrypt(key: Buffer, iv: Buffer, sealed: Buffer): Buffer | null {
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return null;
  }
}

const unwrap = (wrapped: Buffer, key: Buffer): Buffer | null =>
  decrypt(key, wrapped.subarray(0, IV_BYTES), wrapped.subarray(IV_BYTES));

/** Tries every offset of a file, but for those where text or zeros lie. */
function* unwrapAnywhere(file: Buffer, keys: readonly Buffer[]): Generator<{ dataKey: Buffer; end: number }> {
  const offsets = randomPieces(file);
  for (const key of keys) {
    for (const offset of new GcmTags(key).right(file, offsets)) {
      const end = offset + WRAPPED_BYTES;
      const dataKey = unwrap(file.subarray(offset, end), key);
      if (dataKey !== null) yield { dataKey, end };
    }
  }
}

/** Where a wrapped key may lie: it is random. */
function randomPieces(file: Buffer): number[] {
  const offsets: number[] = [];
  let high = 0;
  for (let end = 1; end <= file.length; end++) {
    high += (file[end - 1] ?? 0) >> 7;
    if (end > WRAPPED_BYTES) high -= (file[end - 1 - WRAPPED_BYTES] ?? 0) >> 7;
    if (end >= WRAPPED_BYTES && high >= WRAPPED_BYTES / 6) offsets.push(end - WRAPPED_BYTES);
  }
  return offsets;
}

/** What GCM with an IV of zeros adds to the plaintext: AES in counter mode from 2 on (NIST SP 800-38D, 7.1). */
function keystreamOf(dataKey: Buffer): Buffer {
  const counter = Buffer.alloc(16);
  counter.writeUInt32BE(2, IV_BYTES);
  return createCipheriv("aes-256-ctr", dataKey, counter).update(Buffer.alloc(UNIT_BYTES + TAG_BYTES));
}

function applied(keystream: Buffer, offset: number, bytes: Buffer): Buffer {
  const length = Math.min(bytes.length, keystream.length - offset);
  const plaintext = Buffer.alloc(Math.max(0, length));
  for (let at = 0; at < length; at++) plaintext[at] = (bytes[at] ?? 0) ^ (keystream[offset + at] ?? 0);
  return plaintext;
}

const PAGE_BYTES = 4096;
/** Of a log: its own header, and that of each frame. */
const [LOG_HEADER_BYTES, FRAME_HEADER_BYTES] = [32, 24];

/**
 * Overflow pages of SQLite, in use or not: four bytes, then the rest of a row. Of a unit's row 489 bytes are on the
 * leaf page: 7 of header, none of epoch 1 or one of a later one, 60 of wrapped key, and so many of what is sealed.
 */
function searchPages(file: Buffer, dataKey: Buffer, search: (bytes: Uint8Array) => void): void {
  const isLog = file.length >= 4 && file.readUInt32BE(0) >>> 1 === 0x377f0682 >>> 1;
  const [first, step] = isLog
    ? [LOG_HEADER_BYTES + FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + PAGE_BYTES]
    : [0, PAGE_BYTES];
  const keystream = keystreamOf(dataKey);
  for (let page = first; page + PAGE_BYTES <= file.length; page += step) {
    const rest = file.subarray(page + 4, page + PAGE_BYTES);
    for (const offset of [421, 422]) search(applied(keystream, offset, rest));
  }
}

/** What a reader of the database sees; in a copy of the copy, which reading would change. */
function liveUnits(database: string, keys: readonly Buffer[]): Buffer[] {
  const folder = mkdtempSync(join(tmpdir(), "qkd-attacker-"));
  try {
    for (const name of readdirSync(dirname(database))) {
      if (name.startsWith(basename(database))) copyFileSync(join(dirname(database), name), join(folder, name));
    }
    const db = new DatabaseSync(join(folder, basename(database)));
    try {
      const isPool = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'unit_data'").get() !== undefined;
      const rows = isPool ? db.prepare("SELECT wrapped_key, sealed FROM unit_data").all() : [];
      return rows.flatMap((row) => {
        const wrapped = Buffer.from(row["wrapped_key"] as Uint8Array);
        const sealed = Buffer.from(row["sealed"] as Uint8Array);
        return keys.flatMap((key) => {
          const dataKey = unwrap(wrapped, key);
          return (dataKey === null ? null : decrypt(dataKey, Buffer.alloc(IV_BYTES), sealed)) ?? [];
        });
      });
    } finally {
      db.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
