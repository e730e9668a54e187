/** The bench's own processes: devices and load tools. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { ask, end } from "../processes/child.ts";
import { type LoadTool as JobTool, startJobs } from "../processes/jobs.ts";
import type { FromDevice, ServiceName, ToDevice } from "./device/services.ts";
import type { Jobs } from "./load/jobs.ts";

export interface Device {
  readonly ports: FromDevice["ports"];
  stop(): Promise<void>;
}

export async function startDevice(services: readonly ServiceName[]): Promise<Device> {
  const child = fork(join(import.meta.dirname, "device", "main.ts"));
  const { ports } = await ask<FromDevice>(child, { services } satisfies ToDevice);
  return { ports, stop: () => end(child) };
}

export type LoadTool = JobTool<Jobs>;

export const startLoadTool = (): LoadTool => startJobs<Jobs>(join(import.meta.dirname, "load", "main.ts"));
