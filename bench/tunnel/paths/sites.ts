/**
 * Ours, across two sites: the device behind site-a's agent, the client at a listener of site-b's agent, the edge as
 * `npm start` runs it between them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pushedDemo } from "../../../test/support/network-document.ts";
import { runNetwork, type RunningNetwork } from "../../../test/support/run-network.ts";
import { end } from "../../processes/child.ts";
import { echoOnce } from "../load/pings.ts";
import { freePort } from "../../../scripts/start/ports.ts";
import { endsWithThis } from "./guard.ts";
import { Output } from "./output.ts";
import type { DevicePorts, Path } from "./path.ts";

const PROJECT = join(import.meta.dirname, "..", "..", "..");
const ATTEMPTS = 300;
const RETRY_MS = 100;
/** The device's site. */
export const SITE = "site-a";
const AGENTS = {
  device: { site: SITE, token: "enrol-agent-tn-1" },
  client: { site: "site-b", token: "enrol-agent-tn-2" },
} as const;

export interface Sites extends Path {
  readonly network: RunningNetwork;
  readonly agentPids: Readonly<Record<keyof typeof AGENTS, number>>;
  /** Resolves once a byte goes all the way and back. */
  whenThrough(): Promise<void>;
  /** `-R` gave the device's services these names. */
  readonly services: Readonly<Record<keyof DevicePorts, string>>;
}

/** @param allow further sites that may reach the device */
export async function startSites(device: DevicePorts, allow: readonly string[] = []): Promise<Sites> {
  // Links without a source of their own: nothing but the load is going on.
  const network = await runNetwork({ network: pushedDemo(), args: ["--prefill", "0"] });
  const agents: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(agents.map(end));
    await network.stop();
  };
  try {
    const listeners = { bulk: await freePort(), echo: await freePort(), h2c: await freePort() };
    const reverse = Object.values(device).flatMap((port) => ["-R", `${port}:127.0.0.1:${port}`]);
    const allowed = [AGENTS.client.site, "@edge", ...allow].flatMap((site) => ["--allow", site]);
    const behind = startAgent(network, "device", [...reverse, ...allowed]);
    agents.push(endsWithThis(behind.child));
    const local = Object.entries(listeners).flatMap(([name, port]) => [
      "-L",
      `${port}:${SITE}/${device[name as keyof typeof listeners]}`,
    ]);
    const before = startAgent(network, "client", local);
    agents.push(endsWithThis(before.child));
    const whenThrough = () => untilThrough(listeners.echo, [behind.output, before.output]);
    await whenThrough();
    const service = `${network.edge}/api/v1/sites/${SITE}/services/${device.http}`;
    return {
      name: "sites",
      endpoints: { ...listeners, http: { url: service, token: network.tokens["operator"] ?? "" } },
      network,
      agentPids: { device: behind.child.pid ?? 0, client: before.child.pid ?? 0 },
      whenThrough,
      services: namesOf(device),
      diagnosis: () => [before, behind].map(({ output }) => output.text).join("\n"),
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

const namesOf = ({ bulk, echo, h2c, http }: DevicePorts): Sites["services"] => ({
  bulk: String(bulk),
  echo: String(echo),
  h2c: String(h2c),
  http: String(http),
});

function startAgent(network: RunningNetwork, name: keyof typeof AGENTS, args: readonly string[]) {
  const { site, token } = AGENTS[name];
  const folder = join(network.state, `bench-${name}`);
  mkdirSync(folder, { mode: 0o700 });
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, network.tokens[token] ?? "", { mode: 0o600 });
  const own = [network.edge, "--site", site, "--token-file", tokenFile, "--state", join(folder, "state")];
  const child = spawn(process.execPath, [join(PROJECT, "tunnel", "main.ts"), ...args, ...own], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { child, output: new Output(`the agent of ${site}`, child) };
}

/** Until a byte goes from the client to the device and back. @throws Error with what the agents said instead */
async function untilThrough(port: number, outputs: readonly Output[]): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && !outputs.some(({ ended }) => ended); attempt++) {
    if ((await echoOnce(port).catch(() => "refused")) === null) return;
    await sleep(RETRY_MS);
  }
  throw new Error(`no way through the two agents:\n${outputs.map(({ text }) => text).join("\n")}`);
}
