/** One process a folder: two would give the same number to different blocks of a spool. */
import { open, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../log.ts";

/** A file of this name says who holds the folder: a process of one boot, told from a later one of its pid by its start. */
const CLAIM = /^held-by-[0-9a-f-]{36}-(?<pid>[0-9]{1,10})-[0-9]{1,20}$/;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const OWNER_ONLY = 0o600;

/**
 * Holds the folder until the returned function is called or the process ends, however it ends. Who starts writes its own
 * claim first and looks at the others' then, so that of two that start at once at most one goes on (perhaps neither); a
 * claim whose process is gone is of a name that no other will ever write, so that removing it takes nothing from anybody.
 * Only who may write in the folder can hold it, among processes that see each other (one PID namespace). Elsewhere than
 * on Linux nothing is held.
 *
 * @throws Error where another process holds it
 */
export async function holdFolder(folder: string): Promise<() => Promise<void>> {
  if (process.platform !== "linux") return async () => {};
  const own = await claimOf(process.pid);
  if (own === null) throw new Error(`${folder}: cannot be held: /proc does not show this process`);
  const file = path.join(folder, own);
  const release = async (): Promise<void> => await rm(file, { force: true });
  try {
    await (await open(file, "wx", OWNER_ONLY)).close();
  } catch (error) {
    throw codeOf(error) === "EEXIST" ? held(folder) : error;
  }
  try {
    if (await isClaimedByOthers(folder, own)) throw held(folder);
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}

const held = (folder: string): Error => new Error(`${folder}: another process uses this spool`);

/** Removes the claims of those that are gone. */
async function isClaimedByOthers(folder: string, own: string): Promise<boolean> {
  for (const name of await readdir(folder)) {
    const pid = CLAIM.exec(name)?.groups?.["pid"];
    if (pid === undefined || name === own) continue;
    if ((await claimOf(Number(pid))) === name) return true;
    await rm(path.join(folder, name), { force: true });
  }
  return false;
}

/** The claim that a running process makes; null where no process of this pid runs. */
async function claimOf(pid: number): Promise<string | null> {
  const bootId = (await readFile(BOOT_ID, "latin1")).trim();
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return null;
    throw error;
  }
  // proc_pid_stat(5): the third field follows the program's name, which may hold anything, parentheses included.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", startTicks = ""] = [fields[0], fields[19]];
  // A zombie is a process that was killed and that its parent has not asked after.
  return ENDED.has(state) ? null : `held-by-${bootId}-${pid}-${startTicks}`;
}

const ENDED: ReadonlySet<string> = new Set(["Z", "X", "x"]);
