/**
 * Is the engine's storage still the one the last start left? Put back from a copy it would give out keys a second
 * time, and if all of it was put back, nothing in it could tell. So its files' identities are kept beside it: what a
 * copy cannot bring back is the inode, the time of birth, and the time of the last change of inode (ctime), which no
 * program can set.
 *
 * - Each database file is known by inode and time of birth: a copy is another file. After a stop it is known by its
 *   ctime too: one that a copy was written over shows.
 * - An anchor file in the storage is made anew at every start, every minute and at every stop, and known by its content
 *   and its ctime. So it shows after a crash too that all of the storage was written over, even with this record.
 *
 * What restores the inodes too (a snapshot of the file system, the disk or the machine) leaves no trace here:
 * `npm start -- --restored` says so.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, openSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { messageOf, StartFailure } from "./failure.ts";
import { readIfThere, syncFolder, writeDurable } from "./files.ts";
import {
  ANCHOR,
  type Anchor,
  type FileIdentity,
  type IdentityRecord,
  parseAnchor,
  parseRecord,
} from "./identity-record.ts";
import type { StateFolder } from "./state-folder.ts";

/** SQLite's own, which come and go. */
const PASSING = /-(?:wal|shm|journal)$/;
const LOOK_MS = 5000;
const ANCHOR_MS = 60_000;
/** Between noting a new anchor and having it there, clocks of kernel and program apart. */
const EARLIEST_MS = 2000;
const LATEST_MS = 60_000;

const ANCHOR_BYTES = 16;

export class StorageIdentity {
  /** Of the deployment: raised whenever the storage was put back. */
  readonly generation: number;
  /** What shows that the storage was put back from a copy; null where nothing does. */
  readonly putBack: string | null;
  readonly #storage: string;
  readonly #file: string;
  #record: IdentityRecord;
  #writtenMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Looks, and takes the storage as it is now for the one to be known from then on.
   * @param restored the operator says that it was put back
   */
  constructor(folder: Pick<StateFolder, "storage" | "storageIdentity">, restored: boolean) {
    this.#storage = folder.storage;
    this.#file = folder.storageIdentity;
    const files = this.#files("stopped");
    const text = readIfThere(this.#file);
    const known = text === null ? null : parseRecord(text);
    if (text !== null && known === null) {
      throw new StartFailure(
        `${this.#file} is broken: put back a good copy, or remove it (all key material in ${this.#storage} is voided then)`,
      );
    }
    const anchor = this.#anchor();
    this.putBack = restored ? "as --restored says" : this.#signOf(known, anchor, files);
    const latest = Math.max(known?.generation ?? 0, anchor?.generation ?? 0);
    this.generation = Math.max(1, this.putBack === null ? latest : latest + 1);
    this.#record = {
      generation: this.generation,
      anchor: known?.anchor ?? null,
      next: known?.next ?? null,
      files: this.#files("running"),
    };
    this.#renew();
  }

  /** Goes on while the engine runs: new objects make new files. */
  keep(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** After the engine has ended. */
  close(): void {
    clearInterval(this.#timer);
    this.#unlessFailing(() => {
      this.#record = { ...this.#record, files: this.#files("stopped") };
      this.#renew();
    });
  }

  #look(): void {
    this.#unlessFailing(() => {
      if (this.#addNew() || Date.now() - this.#writtenMs >= ANCHOR_MS) this.#renew();
    });
  }

  /** No room on the disk, for one: what is on it fits together all the same, and the next look tries again. */
  #unlessFailing(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      process.stderr.write(`qkd-edge: ${this.#file} cannot be kept up: ${messageOf(thrown)}\n`);
    }
  }

  /** @returns true where files came that were not known */
  #addNew(): boolean {
    const fresh = this.#paths().filter((path) => this.#record.files[path] === undefined);
    if (fresh.length === 0) return false;
    const files = { ...this.#record.files };
    for (const path of fresh) files[path] = this.#identityOf(path, "running");
    this.#record = { ...this.#record, files };
    return true;
  }

  /**
   * Writes the record, and the anchor anew. At whatever step this ends, what is on the disk then fits together: the
   * record tells of the coming anchor before it is there.
   */
  #renew(): void {
    const nowMs = Date.now();
    const { next } = this.#record;
    const coming = {
      token: next?.token ?? randomBytes(ANCHOR_BYTES).toString("hex"),
      fromMs: next?.fromMs ?? nowMs - EARLIEST_MS,
      untilMs: nowMs + LATEST_MS,
    };
    // A file that is known has to be there after a power failure.
    for (const each of new Set(Object.keys(this.#record.files).map(dirname))) syncFolder(join(this.#storage, each));
    this.#write({ ...this.#record, next: coming });
    writeDurable(this.#anchorPath, `${JSON.stringify({ generation: this.generation, token: coming.token })}\n`);
    const { ctimeNs } = statSync(this.#anchorPath, { bigint: true });
    this.#write({ ...this.#record, anchor: { token: coming.token, ctimeNs: String(ctimeNs) }, next: null });
    this.#writtenMs = nowMs;
  }

  #write(record: IdentityRecord): void {
    this.#record = record;
    writeDurable(this.#file, `${JSON.stringify(record)}\n`);
  }

  /** What does not fit to what is known. */
  #signOf(known: IdentityRecord | null, anchor: Anchor | null, files: IdentityRecord["files"]): string | null {
    if (known?.restored === true) return "by npm run restore";
    // The first start, or the first of this release.
    if (known === null) return anchor === null ? null : `${this.#file} is missing`;
    // Emptied on purpose: there is nothing to be voided.
    if (Object.keys(files).length === 0 && anchor === null) return null;
    for (const [path, identity] of Object.entries(known.files)) {
      const now = files[path];
      if (now === undefined) return `${path} is missing`;
      if (!isSame(identity, now)) return `${path} is not as it was left`;
    }
    return anchor !== null && fits(anchor, known) ? null : `the ${ANCHOR} is not as it was left`;
  }

  get #anchorPath(): string {
    return join(this.#storage, ANCHOR);
  }

  #anchor(): Anchor | null {
    const text = readIfThere(this.#anchorPath);
    if (text === null) return null;
    const { ctimeNs } = statSync(this.#anchorPath, { bigint: true });
    return parseAnchor(text, String(ctimeNs));
  }

  /** Of the database files, relative to the storage. */
  #paths(): string[] {
    return readdirSync(this.#storage, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !PASSING.test(entry.name) && !entry.name.startsWith(ANCHOR))
      .map((entry) => relative(this.#storage, join(entry.parentPath, entry.name)));
  }

  #files(engine: "running" | "stopped"): Record<string, FileIdentity> {
    return Object.fromEntries(this.#paths().map((path) => [path, this.#identityOf(path, engine)]));
  }

  #identityOf(path: string, engine: "running" | "stopped"): FileIdentity {
    const file = openSync(join(this.#storage, path), "r");
    try {
      // The times found here shall be those found after a power failure.
      if (engine === "stopped") fsyncSync(file);
      const { ino, birthtimeNs, ctimeNs } = fstatSync(file, { bigint: true });
      // Where the time of birth is not to be had, zero or the time of the last change stands in its place.
      const isKnown = birthtimeNs > 0n && birthtimeNs < ctimeNs;
      return {
        inode: String(ino),
        birthtimeNs: isKnown ? String(birthtimeNs) : null,
        ctimeNs: engine === "stopped" ? String(ctimeNs) : null,
      };
    } finally {
      closeSync(file);
    }
  }
}

/** Says of storage put back from a backup, not started since, that it was: whatever its files' identities look like. */
export function noteRestored({ storage, storageIdentity }: Pick<StateFolder, "storage" | "storageIdentity">): void {
  const known = parseRecord(readIfThere(storageIdentity) ?? "");
  const anchor = readIfThere(join(storage, ANCHOR));
  const generation = Math.max(known?.generation ?? 0, anchor === null ? 0 : parseAnchor(anchor, "0").generation);
  const record: IdentityRecord = { generation, anchor: null, next: null, files: {}, restored: true };
  writeDurable(storageIdentity, `${JSON.stringify(record)}\n`);
}

/** @param now of the stopped engine */
const isSame = (known: FileIdentity, now: FileIdentity): boolean =>
  known.inode === now.inode &&
  (known.birthtimeNs === null || known.birthtimeNs === now.birthtimeNs) &&
  (known.ctimeNs === null || known.ctimeNs === now.ctimeNs);

function fits({ token, ctimeNs }: Anchor, { anchor, next }: IdentityRecord): boolean {
  if (token === anchor?.token) return ctimeNs === anchor.ctimeNs;
  if (token !== next?.token) return false;
  const ctimeMs = Number(BigInt(ctimeNs) / 1_000_000n);
  return next.fromMs <= ctimeMs && ctimeMs <= next.untilMs;
}
