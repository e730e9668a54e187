/** The bench's own processes: devices and load tools. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { ask, end } from "../processes/child.ts";
import type { FromDevice, ServiceName, ToDevice } from "./device/services.ts";
import type { FromLoad, JobName, Jobs } from "./load/jobs.ts";

export interface Device {
  readonly ports: FromDevice["ports"];
  stop(): Promise<void>;
}

export async function startDevice(services: readonly ServiceName[]): Promise<Device> {
  const child = fork(join(import.meta.dirname, "device", "main.ts"));
  const { ports } = await ask<FromDevice>(child, { services } satisfies ToDevice);
  return { ports, stop: () => end(child) };
}

export interface LoadTool {
  /** @throws Error when anything went wrong */
  run<Name extends JobName>(job: Name, takes: Jobs[Name]["takes"]): Promise<Jobs[Name]["gives"]>;
  stop(): Promise<void>;
}

export function startLoadTool(): LoadTool {
  const child = fork(join(import.meta.dirname, "load", "main.ts"));
  const run: LoadTool["run"] = async (job, takes) => {
    const answer = await ask<FromLoad>(child, { job, ...takes });
    if (answer.type === "failed") throw new Error(answer.problem);
    // The load tool answers each job with what Jobs says it gives.
    return answer.result as never;
  };
  return { run, stop: () => end(child) };
}
