/** How `npm start` ends: when told, when killed, when one of its processes dies; with the demo's site agents, and without. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { allPids, isRunning, newStateFolder, type RunningNetwork, runNetwork } from "../support/run-network.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const enc = "/api/v1/keys/sae-c/enc_keys";

const freshFolder = (): string => {
  const folder = newStateFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

it.each([
  ["SIGTERM", "with agents", 6],
  ["SIGINT", "without", 2],
] as const)("%s, %s: ends every process within 2 s and takes the traces away", async (signal, agents, processes) => {
  const network = await runNetwork({ agents: agents === "with agents" });
  const pids = allPids(network.pids);
  expect(pids).toHaveLength(processes);
  const state = network.state;
  const sent = Date.now();
  expect(await network.stop({ signal, keep: true })).toBe(0);
  expect(Date.now() - sent).toBeLessThan(2000);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(["ports.json", "lock", "run/edge.sock"].filter((file) => existsSync(join(state, file)))).toEqual([]);
  rmSync(state, { recursive: true });
});

it("SIGKILL of the starter ends its children too, and the folder can be used again", async () => {
  const state = freshFolder();
  const network = await runNetwork({ state, agents: true });
  await network.stop({ signal: "SIGKILL" });
  await expect.poll(() => allPids(network.pids).filter(isRunning), { timeout: 2000 }).toEqual([]);
  const again = await runNetwork({ state, agents: true });
  expect((await again.request("tn-1", "sae-a", enc)).status).toBe(200);
  await again.stop();
});

it.each([
  ["engine", (network: RunningNetwork) => network.pids.engine, true],
  ["process of the KME fronts", (network: RunningNetwork) => network.pids.fronts[0] ?? 0, false],
] as const)("says so and ends all when the %s dies", async (name, pidOf, agents) => {
  const network = await runNetwork({ agents });
  const pids = allPids(network.pids);
  process.kill(pidOf(network), "SIGKILL");
  const code = await new Promise<number | null>((resolve) => network.process.once("close", resolve));
  expect(code).toBe(1);
  expect(network.output()).toContain(`qkd-edge: the ${name} ended unexpectedly (SIGKILL)\n`);
  expect(pids.filter(isRunning)).toEqual([]);
  rmSync(network.state, { recursive: true });
});

it("ends with the process that started it through the bootstrap", async () => {
  const state = freshFolder();
  const parent = spawn(
    "node",
    [join(PROJECT, "scripts", "bootstrap.mjs"), "scripts/start.ts", "--state", state, "--random-ports", "--no-agents"],
    { stdio: "ignore" },
  );
  await expect.poll(() => existsSync(join(state, "ports.json")), { timeout: 60_000 }).toBe(true);
  const { pids } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as Pick<RunningNetwork, "pids">;
  parent.kill("SIGKILL");
  await expect.poll(() => allPids(pids).filter(isRunning), { timeout: 4000 }).toEqual([]);
  await expect.poll(() => existsSync(join(state, "lock")), { timeout: 4000 }).toBe(false);
});
