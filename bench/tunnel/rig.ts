/** What the bench runs: devices, load tools, and the ways between them. */
import { progress } from "../progress.ts";
import { direct } from "./paths/direct.ts";
import type { DevicePorts, Path } from "./paths/path.ts";
import { type Sites, startSites } from "./paths/sites.ts";
import { findSsh, startSsh } from "./paths/ssh.ts";
import { type Device, type LoadTool, startDevice, startLoadTool } from "./processes.ts";

/** Two of each: bulk and what is timed beside it shall not wait for each other in one process. */
export interface Ends {
  readonly bulkLoad: LoadTool;
  readonly load: LoadTool;
  readonly ports: DevicePorts;
  stop(): Promise<void>;
}

async function startEnds(): Promise<Ends> {
  const loads = [startLoadTool(), startLoadTool()] as const;
  const devices: Device[] = [];
  const stop = async (): Promise<void> => {
    for (const process of [...loads, ...devices]) await process.stop();
  };
  try {
    devices.push(await startDevice(["bulk"]), await startDevice(["echo", "h2c", "http"]));
    const ports = Object.assign({}, ...devices.map((device) => device.ports)) as DevicePorts;
    return { bulkLoad: loads[0], load: loads[1], ports, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

export interface Rig extends Ends {
  readonly paths: readonly Path[];
  /** Of ssh; empty where all is installed. */
  readonly missing: readonly string[];
}

export async function startRig(): Promise<Rig> {
  const ends = await startEnds();
  const paths: Path[] = [direct(ends.ports)];
  const stop = async (): Promise<void> => {
    for (const path of paths) await path.stop();
    await ends.stop();
  };
  try {
    const ssh = findSsh();
    const missing = "missing" in ssh ? ssh.missing : [];
    if ("tools" in ssh) {
      for (const mode of ["ssh", "sshTerminal"] as const) paths.push(await startSsh(ssh.tools, ends.ports, mode));
    }
    if (missing.length > 0) progress(`not installed: ${missing.join(", ")}; the comparison with ssh -R is left out`);
    progress("starting the demo network and two sites' agents");
    paths.push(await startSites(ends.ports));
    return { ...ends, paths, missing, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** A rig of its own for what is looked at in the engine's memory: nothing has gone through it before. */
export async function withSites<T>(
  allow: readonly string[],
  use: (sites: Sites, ends: Ends) => Promise<T>,
): Promise<T> {
  const ends = await startEnds();
  try {
    const sites = await startSites(ends.ports, allow);
    try {
      return await use(sites, ends);
    } finally {
      await sites.stop();
    }
  } finally {
    await ends.stop();
  }
}
