/**
 * `npm start` as a user has it: one link of the demo lives on BB84 on a simulated channel, another on what site agents
 * push from the demo's devices.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { drainKeys } from "../support/drain-keys.ts";
import { eventually, linkState, readNetwork } from "../support/operator.ts";
import {
  allPids,
  isRunning,
  newStateFolder,
  type Pids,
  type RunningNetwork,
  runNetwork,
} from "../support/run-network.ts";

const PATIENCE_MS = 60_000;
const PREFILLED_BITS = 8 * 1024 * 1024;
const BLOCK_BITS = 1024 * 256;
const FED = ["tn-2-tn-3"] as const;
const BB84 = "tn-1-tn-2";
/** Less than one gives. */
const BB84_BLOCK_BITS = 8000;

const state = newStateFolder();
let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ state, agents: true });
});
afterAll(async () => {
  await network.stop();
  rmSync(state, { recursive: true, force: true });
});

const pidsNow = (): Pids => (JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as { pids: Pids }).pids;
const ingestedBits = async (link: string): Promise<number> => (await linkState(network, link)).ingested_bits;
const grown = async (link: string, fromBits: number): Promise<number> =>
  await eventually(
    async () => await ingestedBits(link),
    (bits) => bits >= fromBits,
    PATIENCE_MS,
  );

test("keys at once, whatever the agents are about", async () => {
  const given = await network.request("tn-1", "sae-a", "/api/v1/keys/sae-c/enc_keys");
  expect(given.status).toBe(200);
  const { keys } = JSON.parse(given.body) as { keys: { key_ID: string }[] };
  const fetched = await network.request("tn-2", "sae-c", `/api/v1/keys/sae-a/dec_keys?key_ID=${keys[0]?.key_ID}`);
  expect(fetched.body === given.body).toBe(true);
});

test("an agent for each of the three sites, and one process for the devices", async () => {
  expect(network.output()).toMatch(/^ {2}agents {4}site-a, site-b, site-c /m);
  expect(network.pids.agents).toHaveLength(3);
  expect(allPids(network.pids).every(isRunning)).toBe(true);
  const { document } = await readNetwork(network);
  expect(document.links.map(({ id, source, feed }) => [id, source, feed])).toEqual([
    ["tn-1-tn-2", "bb84", "two-ended"],
    ["tn-2-tn-3", "push", "two-ended"],
    ["tn-3-tn-4", "simulated", "one-ended"],
    ["tn-2-tn-5", "simulated", "one-ended"],
    ["tn-3-tn-5", "simulated", "one-ended"],
  ]);
});

test("what is secret is its owner's, and in no argument and no line", () => {
  const agents = join(state, "agents");
  for (const site of readdirSync(agents)) {
    expect(statSync(join(agents, site)).mode & 0o777).toBe(0o700);
    for (const file of ["agent.toml", "token"]) expect(statSync(join(agents, site, file)).mode & 0o777).toBe(0o600);
  }
  const shown = [
    network.output(),
    ...allPids(network.pids).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8")),
    ...readdirSync(agents).map((site) => readFileSync(join(agents, site, "agent.toml"), "utf8")),
  ].join("\n");
  for (const token of Object.values(network.tokens)) expect(shown).not.toContain(token);
});

test("the first link's key is made by BB84, and status tells its QBER and rate", async () => {
  await grown(BB84, PREFILLED_BITS + BB84_BLOCK_BITS);
  const tokenFile = join(state, "operator-token");
  writeFileSync(tokenFile, network.tokens["operator"] ?? "", { mode: 0o600 });
  const args = ["cli/qkd.ts", "status", "--edge", network.edge, "--token-file", tokenFile];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  rmSync(tokenFile);
  const [headings = "", line = ""] = stdout.split("\n");
  expect(headings).toMatch(/QBER +key bit\/s/);
  // 1.02 % of some 80,000 bits, give or take some standard deviations.
  expect(line).toMatch(/^tn-1-tn-2 .* bb84 \+ simulated .* (?:0\.[89]|1\.[0-2])\d % +[\d,.  ]+ +yes$/);
});

test("links take in what their two ends push, and both ends are given the same keys of it", async () => {
  for (const link of FED) await grown(link, PREFILLED_BITS + 2 * BLOCK_BITS);
  const keys = await drainKeys(network, { sae: "sae-a", node: "tn-1" }, { sae: "sae-c", node: "tn-2" });
  expect(keys.length * 256).toBeGreaterThan(PREFILLED_BITS);
  for (const link of FED) {
    const { conserved, ledger_bits: ledger } = await linkState(network, link);
    expect(conserved).toBe(true);
    expect(ledger["quarantined"]).toBe(0);
  }
});

test("an agent and the devices are killed: they come back, and go on", async () => {
  const before = pidsNow();
  const [agent = 0] = before.agents ?? [];
  process.kill(agent, "SIGKILL");
  process.kill(before.device ?? 0, "SIGKILL");
  const after = await eventually(
    async () => await Promise.resolve(pidsNow()),
    ({ agents, device }) => agents?.length === 3 && !agents.includes(agent) && device !== before.device,
    PATIENCE_MS,
  );
  expect(allPids(after).every(isRunning)).toBe(true);
  expect(network.output()).toContain("note: the agent of site-a ended (SIGKILL): it is started again in 1 s\n");
  expect(network.output()).toContain("note: the process of the demo's devices ended (SIGKILL): it is started again");
  for (const link of FED) await grown(link, (await ingestedBits(link)) + 3 * BLOCK_BITS);
});

test("another start, on other ports: the same agents feed on; and --no-agents leaves them away", async () => {
  expect(await network.stop()).toBe(0);
  network = await runNetwork({ state, agents: true });
  const [link] = FED;
  await grown(link, (await ingestedBits(link)) + 2 * BLOCK_BITS);
  const pids = allPids(pidsNow());
  expect(await network.stop()).toBe(0);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(existsSync(join(state, "ports.json"))).toBe(false);

  network = await runNetwork({ state });
  expect(network.pids.agents).toBeUndefined();
  expect((await network.request("tn-1", "sae-a", "/api/v1/keys/sae-c/enc_keys")).status).toBe(200);
});

test("a folder whose network no agent feeds: one line says so", async () => {
  const other = await runNetwork();
  expect(await other.stop({ keep: true })).toBe(0);
  const again = await runNetwork({ state: other.state, agents: true });
  expect(again.output()).toMatch(/^note: no site agents: /);
  expect(again.pids.agents).toBeUndefined();
  await again.stop({ keep: false });
});
