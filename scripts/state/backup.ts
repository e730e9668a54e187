/** Backup and restore of a state folder that nobody uses at that time. */
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { messageOf, StartFailure } from "../start/failure.ts";
import { ensureFolder, isThere, syncFolder } from "../start/files.ts";
import { PROJECT } from "../start/paths.ts";
import { lockStateFolder, openStateFolder } from "../start/state-folder.ts";
import { noteRestored } from "../start/storage-identity.ts";
import { ASIDE, type Manifest, pack, readManifest, unpack } from "./archive.ts";

/** Seconds and no colons: it becomes part of a file's name. */
const stampOf = (at: string): string => at.replaceAll(/[-:]|\.\d+/g, "");

/**
 * Writes the folder into one file, whose owner alone may read it. Without epoch keys it opens no key at rest; what it
 * has of certificates and tokens is secret.
 *
 * @param out the file; null: beside the folder, named by the time
 * @returns the file's path
 * @throws StartFailure while it is in use, or where `out` is there already
 */
export async function backUp(state: string, out: string | null, nowMs: number): Promise<string> {
  if (!isThere(join(state, "state"))) throw new StartFailure(`${resolve(state)} is no state folder of npm start`);
  const folder = openStateFolder(state);
  const lock = await lockStateFolder(folder);
  try {
    const manifest: Manifest = { format: 1, at: new Date(nowMs).toISOString(), release: releaseOf() };
    const file = resolve(out ?? `${folder.root}.${stampOf(manifest.at)}.tar.gz`);
    ensureFolder(dirname(file));
    await pack(folder.root, file, manifest);
    return file;
  } finally {
    lock.release();
  }
}

/**
 * Puts a backup back. All key material in it is voided with the next start, in another generation of the deployment. The
 * folder itself stays: it may be a volume. Should this end in the middle, it can be done again; a start on what is there
 * then finds that the storage is not as it was left.
 *
 * @param replace what is in the folder is moved aside first, within it
 * @returns the backup's manifest, and where what was there is now; null: nothing was
 * @throws StartFailure where the folder is in use, or not empty and not to be replaced; it is as it was then
 */
export async function restore(
  file: string,
  state: string,
  replace: boolean,
): Promise<{ readonly manifest: Manifest; readonly aside: string | null }> {
  const manifest = await readManifest(resolve(file));
  const root = resolve(state);
  const before = isThere(root) ? readdirSync(root).filter((name) => name !== "lock" && !name.startsWith(ASIDE)) : [];
  if (before.length > 0 && !replace) {
    throw new StartFailure(`${root} is not empty: name another --state folder, or give --replace to move it aside`);
  }
  ensureFolder(root);
  const lock = await lockStateFolder({ root, lock: join(root, "lock") });
  const draft = join(root, `${ASIDE}.draft`);
  try {
    rmSync(draft, { recursive: true, force: true });
    ensureFolder(draft);
    await unpack(resolve(file), draft);
    noteRestored(openStateFolder(draft));
    const aside = before.length === 0 ? null : freeName(join(root, ASIDE));
    if (aside !== null) moveAll(before, root, aside);
    moveAll(readdirSync(draft), draft, root);
    return { manifest, aside };
  } catch (thrown) {
    throw thrown instanceof StartFailure
      ? thrown
      : new StartFailure(`cannot restore into ${root}: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    rmSync(draft, { recursive: true, force: true });
    lock.release();
  }
}

function moveAll(names: readonly string[], from: string, to: string): void {
  ensureFolder(to);
  for (const name of names) renameSync(join(from, name), join(to, name));
  syncFolder(to);
}

function freeName(wanted: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!isThere(name)) return name;
  }
}

const releaseOf = (): string =>
  (JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string }).version;
