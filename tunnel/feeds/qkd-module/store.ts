/**
 * A module's state in one file: a journal of changes, each sealed as the spool's blocks are, under the spool's key, and
 * bound to its place in this very file. Synchronous: it runs in the module's own thread, and what a module says may
 * leave only once what it depends on is on disk.
 *
 * A change counts once all of it is there: a last one that a crash has cut off was told to nobody. Anything else that
 * does not open is damage, and the store refuses: an older state would use authentication key a second time. What was
 * removed stays in the file, sealed, until that is written anew; the file that it replaces is overwritten.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { LIMITS } from "../../../shared/limits.ts";
import { decodeStored, encodeStored, type ModuleStore } from "../../../shared/qkd-module/stored.ts";
import { codeOf } from "../../log.ts";
import { seal, unseal } from "../../spool/sealed-block.ts";

const FILE = "module.journal";
const OWNER_ONLY = 0o600;
const MAGIC = Buffer.from("qkdmod1\n");
const INSTANCE_BYTES = 16;
const HEAD_BYTES = MAGIC.length + INSTANCE_BYTES;
const LENGTH_BYTES = 4;
const ZEROS = Buffer.alloc(1024 * 1024);

type Changes = ReadonlyMap<string, Uint8Array | null>;

export class JournalStore implements ModuleStore {
  /** There was none before: nobody here knows what numbers blocks have had. */
  readonly isNew: boolean;
  readonly #file: string;
  readonly #key: Buffer;
  readonly #entries = new Map<string, Uint8Array>();
  #instance = "";
  #handle = -1;
  /** Of what is good in the file. */
  #bytes = 0;
  #changes = 0;

  /** @param folder of the feed, which this process holds. @throws Error where the journal is damaged, or of another key */
  constructor(folder: string, key: Buffer) {
    this.#file = path.join(folder, FILE);
    this.#key = key;
    const found = readOrNull(this.#file);
    this.isNew = found === null;
    if (found === null) {
      this.#writeAnew();
      return;
    }
    this.#replay(found);
    this.#handle = openSync(this.#file, "r+");
    ftruncateSync(this.#handle, this.#bytes);
    fsyncSync(this.#handle);
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  read(name: string): Uint8Array | null {
    return this.#entries.get(name)?.slice() ?? null;
  }

  /** @throws what the system says where the disk is full or fails: nothing has changed then */
  write(changes: Changes): void {
    const record = this.#sealed(changes);
    try {
      writeAll(this.#handle, record, this.#bytes);
      fdatasyncSync(this.#handle);
    } catch (error) {
      ftruncateSync(this.#handle, this.#bytes);
      throw error;
    }
    this.#bytes += record.length;
    this.#changes++;
    this.#apply(changes);
    if (this.#bytes > LIMITS.moduleJournalBytes + 2 * this.#entryBytes) this.#writeAnew();
  }

  close(): void {
    closeSync(this.#handle);
  }

  get #entryBytes(): number {
    let sum = 0;
    for (const bytes of this.#entries.values()) sum += bytes.length;
    return sum;
  }

  #apply(changes: Changes): void {
    for (const [name, bytes] of changes) {
      this.#entries.get(name)?.fill(0);
      if (bytes === null) this.#entries.delete(name);
      else this.#entries.set(name, new Uint8Array(bytes));
    }
  }

  /** With its length before it. */
  #sealed(changes: Changes): Buffer {
    const bytes = encodeStored([...changes]);
    const sealed = seal(this.#key, this.#nameOf(this.#changes), { id: "changes", bytes });
    bytes.fill(0);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(sealed.length);
    return Buffer.concat([length, sealed]);
  }

  #nameOf(change: number): string {
    return `qkd-module/${this.#instance}/${change}`;
  }

  /** What is in force, as the first change of a new file that takes the place of the old one. */
  #writeAnew(): void {
    const instance = randomBytes(INSTANCE_BYTES);
    this.#instance = instance.toString("hex");
    this.#changes = 0;
    const all = Buffer.concat([MAGIC, instance, this.#sealed(this.#entries)]);
    // Of a name that the spool clears away at its start.
    const beside = `${this.#file}.new`;
    const handle = openSync(beside, "w+", OWNER_ONLY);
    writeAll(handle, all, 0);
    fsyncSync(handle);
    renameSync(beside, this.#file);
    syncFolder(path.dirname(this.#file));
    if (this.#handle !== -1) wipeAndClose(this.#handle, this.#bytes);
    this.#handle = handle;
    this.#bytes = all.length;
    this.#changes = 1;
  }

  #replay(file: Buffer): void {
    if (file.length < HEAD_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) throw this.#damaged();
    this.#instance = file.toString("hex", MAGIC.length, HEAD_BYTES);
    for (let at = HEAD_BYTES; at < file.length;) {
      const end = endOf(file, at);
      const block =
        end > file.length
          ? null
          : unseal(this.#key, this.#nameOf(this.#changes), file.subarray(at + LENGTH_BYTES, end));
      if (block === null) {
        const isCutOff = this.#changes > 0 && (end >= file.length || file.subarray(at).every((byte) => byte === 0));
        if (!isCutOff) throw this.#damaged();
        break;
      }
      this.#apply(new Map(decodeStored<[string, Uint8Array | null][]>(block.bytes)));
      block.bytes.fill(0);
      this.#changes++;
      this.#bytes = at = end;
    }
    if (this.#changes === 0) throw this.#damaged();
  }

  #damaged(): Error {
    return new Error(`${this.#file}: is damaged, or of another spool.key: the module cannot go on with it`);
  }
}

/** Beyond the file where its length is not there. */
const endOf = (file: Buffer, at: number): number =>
  at + LENGTH_BYTES > file.length ? Infinity : at + LENGTH_BYTES + file.readUInt32BE(at);

function readOrNull(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function writeAll(handle: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done, bytes.length - done, position + done);
}

/** It has lost its name already. */
function wipeAndClose(handle: number, sizeBytes: number): void {
  try {
    for (let at = 0; at < sizeBytes; at += ZEROS.length) {
      writeAll(handle, ZEROS.subarray(0, Math.min(ZEROS.length, sizeBytes - at)), at);
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
