/** The state folder: where things lie in it, and the lock that keeps a second start out. */
import { accessSync, constants, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, messageOf, StartFailure } from "./failure.ts";
import { ensureFolder } from "./files.ts";

export interface StateFolder {
  readonly root: string;
  readonly certs: string;
  /** The engine's storage. */
  readonly storage: string;
  /** What that storage is known by. */
  readonly storageIdentity: string;
  /** Sockets and configuration of a running engine; closed to others. */
  readonly run: string;
  /** Epoch keys of `npm start`. */
  readonly epochKeys: string;
  readonly tokens: string;
  /** A folder for each of the demo's site agents. */
  readonly agents: string;
  /** Where the epoch keys were before. */
  readonly secrets: string;
  /** Epoch keys of `npm run dev`, and its storage. */
  readonly devSecrets: string;
  readonly devStorage: string;
  readonly bootstrapToken: string;
  /** What the keys of the nodes hosted here are derived from. */
  readonly identitySeed: string;
  /** Certificates (PEM) of authorities besides those browsers trust, for the TLS of other deployments; the operator's. */
  readonly peerAuthorities: string;
  readonly appliedConfig: string;
  readonly ports: string;
  readonly lock: string;
}

/**
 * Makes the folders. Throws one line when that cannot be. `dev` shares all but the storage with `start`: the same
 * tokens are good for both.
 */
export function openStateFolder(path: string, use: "start" | "dev" = "start"): StateFolder {
  const root = resolve(path);
  const at = (name: string): string => join(root, name);
  const within = (name: string): string => (use === "dev" ? join(root, "dev", name) : at(name));
  const folder: StateFolder = {
    root,
    certs: at("certs"),
    storage: within("state"),
    storageIdentity: within("storage-identity.json"),
    run: at("run"),
    epochKeys: at("epoch-keys"),
    tokens: at("tokens.json"),
    agents: at("agents"),
    secrets: at("secrets.json"),
    devSecrets: at("dev/secrets.json"),
    devStorage: at("dev/state"),
    bootstrapToken: at("bootstrap.token"),
    identitySeed: at("identity.seed"),
    peerAuthorities: at("peers-ca.pem"),
    appliedConfig: within("applied-config.sha256"),
    ports: at("ports.json"),
    lock: at("lock"),
  };
  for (const each of [root, folder.certs, folder.storage, folder.run]) {
    ensureFolder(each);
    try {
      accessSync(each, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (thrown) {
      throw new StartFailure(`the state folder ${each} cannot be written to: ${messageOf(thrown)}`, { cause: thrown });
    }
  }
  return folder;
}

interface Holder {
  readonly pid: number;
  /** Start time of that process in the kernel's ticks: a pid may be another's by now. Null where there is no /proc. */
  readonly started: string | null;
  /** The engine it started, to be ended with it. */
  readonly engine: number | null;
  readonly engineStarted: string | null;
}

export interface Lock {
  /** Notes the engine's pid, for whoever finds this lock stale. */
  noteEngine(pid: number): void;
  release(): void;
}

/**
 * Takes the folder for this process. A lock left by a process that is no more is taken over, and the engine that
 * process left running is ended first: two engines on one storage would ruin it.
 */
export async function lockStateFolder(folder: Pick<StateFolder, "root" | "lock">): Promise<Lock> {
  for (let attempt = 0; attempt < 10; attempt++) {
    if (place(folder.lock, holderNow(null))) {
      return {
        noteEngine: (pid) => overwrite(folder.lock, holderNow(pid)),
        release: () => rmSync(folder.lock, { force: true }),
      };
    }
    const text = readLock(folder.lock);
    const holder = text === null ? null : parseHolder(text);
    if (holder !== null && lives(holder.pid, holder.started)) {
      throw new StartFailure(
        `${folder.root} is in use by another qkd-edge (process ${holder.pid}): stop it, or start with another --state folder`,
      );
    }
    if (holder !== null && holder.engine !== null) await endEngine(holder.engine, holder.engineStarted);
    if (text !== null) takeAway(folder.lock, text);
  }
  throw new StartFailure(`cannot lock ${folder.root}: others keep taking ${folder.lock}`);
}

const holderNow = (engine: number | null): Holder => ({
  pid: process.pid,
  started: startTime(process.pid),
  engine,
  engineStarted: engine === null ? null : startTime(engine),
});

/** A link appears with its contents or not at all, and only where nothing is. */
function place(lock: string, holder: Holder): boolean {
  const draft = `${lock}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
    linkSync(draft, lock);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw new StartFailure(`cannot write ${lock}: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    rmSync(draft, { force: true });
  }
}

function overwrite(lock: string, holder: Holder): void {
  const draft = `${lock}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  renameSync(draft, lock);
}

function readLock(lock: string): string | null {
  try {
    return readFileSync(lock, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return null;
    throw new StartFailure(`cannot read ${lock}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** Null for a lock that nobody could have written whole: as stale as one of a dead process. */
function parseHolder(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || typeof value.pid !== "number") return null;
    const textOf = (name: string): string | null => {
      const member: unknown = Reflect.get(value, name);
      return typeof member === "string" ? member : null;
    };
    const engine = "engine" in value && typeof value.engine === "number" && value.engine > 0 ? value.engine : null;
    return { pid: value.pid, started: textOf("started"), engine, engineStarted: textOf("engineStarted") };
  } catch {
    return null;
  }
}

/** Removes the lock read before; should another have come in between, that one's is put back. */
function takeAway(lock: string, text: string): void {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
    if (readFileSync(aside, "utf8") !== text) linkSync(aside, lock);
  } catch {
    // Another start was quicker; the next attempt sees its lock.
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Ends an engine left behind; its guard usually has by now. */
async function endEngine(pid: number, started: string | null): Promise<void> {
  for (let waitedMs = 0; waitedMs < 2000; waitedMs += 50) {
    if (!lives(pid, started)) return;
    // Only with a start time is it certain to be the engine, and not another that got its pid.
    if (waitedMs >= 500 && started !== null) process.kill(pid, "SIGKILL");
    await sleep(50);
  }
  throw new StartFailure(`an engine of an earlier start still runs (process ${pid}): stop it first`);
}

function lives(pid: number, started: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    return codeOf(thrown) === "EPERM";
  }
  const now = startTime(pid);
  return now === null || started === null || now === started;
}

/** Field 22 of /proc/PID/stat; the second field (a name, in brackets) may hold blanks. Null for a zombie. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
