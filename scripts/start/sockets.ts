/** The unix sockets between the starter, the fronts and the engine: in a folder closed to others. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StateFolder } from "./state-folder.ts";

/** The longest path a unix socket may have is 107 bytes on Linux and 103 on macOS. */
const MAX_PATH_BYTES = 100;

export interface Sockets {
  /** Of the engine, for the fronts. */
  readonly fronts: string;
  /** Of the keeper of the epoch keys, for the engine. */
  readonly epochKeys: string;
  /** Removes what must not outlive them. */
  remove(): void;
}

/** In the state folder; where that path is too long for a socket, in a private folder of the system's temporary one. */
export function placeSockets(folder: StateFolder): Sockets {
  chmodSync(folder.run, 0o700);
  const own = at(folder.run);
  if (Object.values(own).every((path) => Buffer.byteLength(path) <= MAX_PATH_BYTES)) {
    const remove = (): void => Object.values(own).forEach((path) => rmSync(path, { force: true }));
    remove(); // those of a start that was killed
    return { ...own, remove };
  }
  const elsewhere = mkdtempSync(join(tmpdir(), "qkd-edge-"));
  return { ...at(elsewhere), remove: () => rmSync(elsewhere, { recursive: true, force: true }) };
}

const at = (folder: string) => ({ fronts: join(folder, "edge.sock"), epochKeys: join(folder, "keys.sock") });
