/** A process of a bench: asked, looked at, ended. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks it to end, and ends it if it does not. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([exited, sleep(5000)]);
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
}

/** Resident memory of processes together; NaN where /proc does not tell. */
export const residentBytes = (...pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const file = `/proc/${pid}/status`;
    const line = existsSync(file) ? /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(file, "utf8")) : null;
    return sum + (line?.[1] === undefined ? Number.NaN : Number(line[1]) * 1024);
  }, 0);

/** CPU time that processes have taken together so far; NaN where /proc does not tell. */
export const cpuMs = (...pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const file = `/proc/${pid}/stat`;
    if (!existsSync(file)) return Number.NaN;
    const stat = readFileSync(file, "utf8");
    // Fields 14 and 15, user and system time; the second field (a name, in brackets) may hold blanks.
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13);
    return sum + (Number(user) + Number(system)) * TICK_MS;
  }, 0);
/** Of Linux' USER_HZ, 100 on every platform that Node runs on. */
const TICK_MS = 10;

/** Sends a message and waits for the one answer to it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the answer of the process asked
export function ask<Reply extends { readonly type: string }>(child: ChildProcess, message: object): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const died = (): void => reject(new Error(`${child.spawnargs.at(-1)} ended without an answer`));
    child.once("exit", died);
    child.once("message", (reply) => {
      child.off("exit", died);
      resolve(reply as Reply);
    });
    child.send(message);
  });
}
