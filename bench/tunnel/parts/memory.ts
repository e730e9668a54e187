/** What the engine keeps when a receiver reads nothing, and when a sender keeps to no credit. */
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, end, residentBytes } from "../../processes/child.ts";
import { progress } from "../../progress.ts";
import type { FromHostile, HostileConfig, ToHostile } from "../hostile/messages.ts";
import type { TunnelOptions } from "../options.ts";
import { SITE, type Sites } from "../paths/sites.ts";
import { told } from "../paths/told.ts";
import type { MemoryResult } from "../report/figures.ts";
import type { LoadTool } from "../processes.ts";
import { type Ends, withSites } from "../rig.ts";

const STREAMS = 1000;
/** The hostile peer's site, which may reach the device. */
const HOSTILE = { site: "site-c", agent: "agent-tn-3" };
const FLOOD_MS = 4000;
const STOPPED_MS = 4000;
const REST_MS = 3000;
const LOOK_MS = 25;
const WARM_UP = { setups: 300, bulkBytes: 16_000_000 };

export const measureMemory = (options: TunnelOptions): Promise<MemoryResult> => {
  progress("memory: starting a new engine");
  return withSites([HOSTILE.site], (sites, ends) => told(sites, () => measureOn(sites, ends, options)));
};

async function measureOn(sites: Sites, ends: Ends, options: TunnelOptions): Promise<MemoryResult> {
  await sleep(REST_MS);
  const startBytes = residentBytes(sites.network.pids.engine);
  await warmUp(sites, ends);
  const idleBytes = residentBytes(sites.network.pids.engine);
  const frozen = (direction: "down" | "frozen") => frozenBytes(sites, ends, direction, options.freezeMs);
  progress(`memory: ${STREAMS} streams whose client reads nothing`);
  const frozenClientBytes = await frozen("down");
  progress(`memory: ${STREAMS} streams whose device reads nothing`);
  const frozenDeviceBytes = await frozen("frozen");
  progress(`memory: ${STREAMS} streams, and the client's agent stops`);
  const frozenAgentBytes = await stoppedBytes(sites, ends);
  const hostile = await hostileBytes(sites);
  return {
    startBytes,
    idleBytes,
    streams: STREAMS,
    frozenClientBytes,
    frozenDeviceBytes,
    frozenAgentBytes,
    ...hostile,
  };
}

/**
 * A little of each use, and no more: a heap that bulk transfers have grown holds so much free memory that whatever piles
 * up later does not show.
 */
async function warmUp({ endpoints }: Sites, { bulkLoad, load }: Ends): Promise<void> {
  const { setups: count, bulkBytes: bytes } = WARM_UP;
  await load.run("setup", { port: endpoints.echo, count });
  for (const direction of ["up", "down"] as const) {
    await bulkLoad.run("bulk", { port: endpoints.bulk, direction, bytes, verified: false });
  }
  await sleep(REST_MS);
}

async function frozenBytes(
  sites: Sites,
  { bulkLoad }: Ends,
  direction: "down" | "frozen",
  maxMs: number,
): Promise<number> {
  const port = sites.endpoints.bulk;
  const freeze = () => bulkLoad.run("freeze", { port, direction, streams: STREAMS, maxMs });
  const [peakBytes] = await peakDuring(sites, freeze);
  await rest(sites, bulkLoad);
  return peakBytes;
}

/** Nobody takes from the engine what it has been sent for those streams. */
async function stoppedBytes(sites: Sites, { bulkLoad }: Ends): Promise<number> {
  await bulkLoad.run("flow", { port: sites.endpoints.bulk, streams: STREAMS });
  const { client } = sites.agentPids;
  process.kill(client, "SIGSTOP");
  const [peakBytes] = await peakDuring(sites, () => sleep(STOPPED_MS));
  process.kill(client, "SIGCONT");
  await rest(sites, bulkLoad);
  return peakBytes;
}

async function rest(sites: Sites, bulkLoad: LoadTool): Promise<void> {
  await bulkLoad.run("thaw", { port: sites.endpoints.bulk });
  await sites.whenThrough();
  await sleep(REST_MS);
}

async function hostileBytes(sites: Sites): Promise<Pick<MemoryResult, "hostileBytes" | "hostileStoppedBytes">> {
  const { network, services, agentPids } = sites;
  const state = join(network.state, "bench-hostile");
  mkdirSync(state, { mode: 0o700 });
  const tokenFile = join(state, "token");
  writeFileSync(tokenFile, network.tokens[`enrol-${HOSTILE.agent}`] ?? "", { mode: 0o600 });
  const target = { site: SITE, service: services.bulk };
  const config: HostileConfig = { edge: network.edge, target, ...HOSTILE, tokenFile, state };
  const child = fork(join(import.meta.dirname, "..", "hostile", "main.ts"));
  const tell = async (message: ToHostile): Promise<FromHostile> => {
    const answer = await ask<FromHostile>(child, message);
    if (answer.type === "failed") throw new Error(`the hostile peer: ${answer.problem}`);
    return answer;
  };
  const flood = async (): Promise<number> => {
    const [peakBytes, answer] = await peakDuring(sites, () => tell({ type: "flood", forMs: FLOOD_MS }));
    if (answer.type !== "flooded" || answer.sentBytes === 0) throw new Error("the hostile peer sent nothing");
    const megabytes = Math.round(answer.sentBytes / 1_000_000);
    progress(
      `memory: it got rid of ${megabytes} MB and was ${answer.closedBy === null ? "left" : `closed: ${answer.closedBy}`}`,
    );
    await sleep(REST_MS);
    return peakBytes;
  };
  try {
    progress("memory: a peer that sends without credit");
    await tell({ type: "connect", config });
    const reading = await flood();
    progress("memory: the same, the device's agent stopped");
    await tell({ type: "connect", config });
    process.kill(agentPids.device, "SIGSTOP");
    const stopped = await flood();
    return { hostileBytes: reading, hostileStoppedBytes: stopped };
  } finally {
    process.kill(agentPids.device, "SIGCONT");
    await end(child);
  }
}

/** @returns the most that the engine was seen to take meanwhile, and what came of it */
async function peakDuring<T>({ network }: Sites, work: () => Promise<T>): Promise<[number, T]> {
  let peakBytes = 0;
  const look = (): void => void (peakBytes = Math.max(peakBytes, residentBytes(network.pids.engine)));
  const timer = setInterval(look, LOOK_MS);
  try {
    const outcome = await work();
    look();
    return [peakBytes, outcome];
  } finally {
    clearInterval(timer);
  }
}
