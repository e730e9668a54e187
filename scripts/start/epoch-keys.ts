/**
 * The epoch keys of a state folder. `npm start` keeps them in a folder of their own, where old ones are destroyed;
 * `npm run dev` keeps its own apart, as secrets of wrangler. Before, both had them in one `secrets.json`.
 */
import { readdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { EPOCH_KEY_BYTES, EpochFolder, isEpochKey, newEpochKey } from "./epoch-folder.ts";
import { StartFailure } from "./failure.ts";
import { ensureFolder, isThere, parseTexts, readIfThere, syncFolder, textsFile, writeAtomic } from "./files.ts";
import { ANCHOR } from "./identity-record.ts";
import type { StateFolder } from "./state-folder.ts";

const FIRST_SECRET = "QKD_EPOCH_KEY_1";
const SECRET_NAME = /^QKD_EPOCH_KEY_(?<epoch>[1-9]\d{0,8})$/;

/** Name -> base64 of 32 bytes. */
export type EpochSecrets = Readonly<Record<string, string>>;

/**
 * Those of `npm start`. The first key is made where there is nothing yet.
 * @param isPutBack the storage is an old copy, and voids all it holds: it needs no keys of its own
 */
export function openEpochKeys(folder: StateFolder, isPutBack: boolean): EpochFolder {
  ensureFolder(folder.epochKeys);
  const keys = new EpochFolder(folder.epochKeys);
  moveSecrets(folder, keys);
  if (keys.numbers().length === 0 && !isUsed(folder.storage)) keys.make(1);
  if (keys.numbers().length === 0 && !isPutBack) throw missing(folder.epochKeys, folder.storage);
  for (const epoch of keys.numbers()) keys.read(epoch);
  return keys;
}

/** Those of `npm run dev`. */
export function loadDevSecrets(folder: StateFolder): EpochSecrets {
  if (!isThere(folder.devSecrets)) copySecrets(folder);
  if (!isThere(folder.devSecrets) && isUsed(folder.storage)) throw missing(folder.devSecrets, folder.storage);
  return checkedSecrets(folder.devSecrets, textsFile(folder.devSecrets, [FIRST_SECRET], newEpochKey));
}

/** From where they were before; the file goes when all are in the folder for good. */
function moveSecrets(folder: StateFolder, keys: EpochFolder): void {
  const text = readIfThere(folder.secrets);
  if (text === null) return;
  if (isUsed(folder.devStorage) && !isThere(folder.devSecrets)) copySecrets(folder);
  for (const [name, key] of Object.entries(checkedSecrets(folder.secrets, parseTexts(folder.secrets, text)))) {
    keys.put(Number(SECRET_NAME.exec(name)?.groups?.["epoch"]), key);
  }
  rmSync(folder.secrets);
  syncFolder(folder.root);
}

/** For what `npm run dev` has in its storage. */
function copySecrets(folder: StateFolder): void {
  const text = readIfThere(folder.secrets);
  if (text === null) return;
  ensureFolder(dirname(folder.devSecrets));
  writeAtomic(folder.devSecrets, text);
}

function checkedSecrets(file: string, secrets: EpochSecrets): EpochSecrets {
  for (const [name, key] of Object.entries(secrets)) {
    if (SECRET_NAME.test(name) && isEpochKey(key)) continue;
    throw new StartFailure(
      `${file} is broken (${name} is no epoch key of ${EPOCH_KEY_BYTES} bytes): put back a good copy, or start with another --state folder`,
    );
  }
  return secrets;
}

/** Holds it more than what its identity is known by? */
const isUsed = (storage: string): boolean =>
  isThere(storage) && readdirSync(storage).some((name) => !name.startsWith(ANCHOR));

const missing = (keys: string, storage: string): StartFailure =>
  new StartFailure(
    `there are no epoch keys in ${keys}, and keys in ${storage} cannot be opened without them: put them back, or start with another --state folder`,
  );
