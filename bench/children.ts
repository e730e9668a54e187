/** The bench's own processes: the no-op server and the load tool. */
import { fork, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FromLoad, LoadResult, LoadSpec } from "./load.ts";
import type { FromNoop, NoopConfig } from "./noop.ts";

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([exited, sleep(5000)]);
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
}

/** Resident memory of a process; NaN where /proc does not tell. */
export function residentBytes(pid: number): number {
  const file = `/proc/${pid}/status`;
  const line = existsSync(file) ? /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(file, "utf8")) : null;
  return line?.[1] === undefined ? Number.NaN : Number(line[1]) * 1024;
}

export interface Noop {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startNoop(config: NoopConfig): Promise<Noop> {
  const child = fork(join(import.meta.dirname, "noop.ts"));
  const answer = await ask<FromNoop>(child, config);
  return { url: `https://127.0.0.1:${answer.port}`, stop: () => end(child) };
}

export interface LoadTool {
  run(spec: LoadSpec): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoadTool(): LoadTool {
  const child = fork(join(import.meta.dirname, "load.ts"));
  return { run: async (spec) => (await ask<FromLoad>(child, spec)).result, stop: () => end(child) };
}

/** Sends a message and waits for the one answer to it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the answer of the process asked
function ask<Reply extends { readonly type: string }>(child: ChildProcess, message: object): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const died = (): void => reject(new Error(`${child.spawnargs.at(-1)} ended without an answer`));
    child.once("exit", died);
    child.once("message", (reply) => {
      child.off("exit", died);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own process
      resolve(reply as Reply);
    });
    child.send(message);
  });
}
