/** The bench's own processes: the no-op server and the load tool. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { FromLoad, Job, LoadResult } from "../load/jobs.ts";
import { ask, end } from "./child.ts";
import type { FromNoop, NoopConfig } from "./noop.ts";

export interface Noop {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startNoop(config: NoopConfig): Promise<Noop> {
  const child = fork(join(import.meta.dirname, "noop.ts"));
  const answer = await ask<FromNoop>(child, config);
  return { url: `https://127.0.0.1:${answer.port}`, pid: child.pid ?? 0, stop: () => end(child) };
}

export interface LoadTool {
  run(job: Job): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoadTool(): LoadTool {
  const child = fork(join(import.meta.dirname, "..", "load", "main.ts"));
  return { run: async (job) => (await ask<FromLoad>(child, job)).result, stop: () => end(child) };
}
