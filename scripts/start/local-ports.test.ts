import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../tunnel/agent/config/load.ts";
import { DEMO_TOKEN_NAMES } from "../demo/network.ts";
import { agentToml } from "./agent-files.ts";
import { planSites } from "./demo-sites.ts";
import { awaitListening, localLines, type LocalPort, localPorts, portsFile } from "./local-ports.ts";
import { freePort } from "./ports.ts";
import { demoWanted } from "./secrets.ts";

const tokens = Object.fromEntries(DEMO_TOKEN_NAMES.map((name) => [name, `token of ${name}`]));
const { document } = demoWanted(tokens, true);
const NODES = ["tn-1", "tn-2", "tn-3"];

const PORTS: readonly LocalPort[] = [
  { capability: "qkdModule", node: "tn-1", sae: "sae-a", port: 5000 },
  { capability: "etsi004Json", node: "tn-1", sae: "sae-a", port: 65_430 },
  { capability: "etsi004Binary", node: "tn-2", sae: "sae-c", port: 25_576 },
];

test("each node's bindings for the SAE at it, on free ports of their own", async () => {
  const { local, notes } = await localPorts(document, NODES, true);
  expect(notes).toEqual([]);
  expect(local.map(({ capability, node, sae }) => `${capability} ${node} ${sae}`)).toEqual([
    "qkdModule tn-1 sae-a",
    "qkdModule tn-2 sae-c",
    "etsi004Json tn-1 sae-a",
    "etsi004Json tn-2 sae-c",
    "etsi004Json tn-3 sae-d",
    "etsi004Binary tn-1 sae-a",
    "etsi004Binary tn-2 sae-c",
  ]);
  expect(new Set(local.map(({ port }) => port)).size).toBe(local.length);
});

test("only at nodes whose agents run, for SAEs that are there", async () => {
  const saes = document.saes.map((sae) => (sae.id === "sae-c" ? { ...sae, node: "tn-3" } : sae));
  const { local } = await localPorts({ ...document, saes }, ["tn-1", "tn-2"], true);
  expect(new Set(local.map(({ node }) => node))).toEqual(new Set(["tn-1"]));
});

test("ports.json and the banner", () => {
  expect(portsFile(PORTS)).toEqual({
    qkdModule: { "tn-1": "http://127.0.0.1:5000" },
    etsi004Json: { "tn-1": "127.0.0.1:65430" },
    etsi004Binary: { "tn-2": "127.0.0.1:25576" },
  });
  expect(portsFile([])).toEqual({});
  expect(localLines(PORTS)).toEqual([
    "  ETSI 004  tn-1, for sae-a: QKD module http://127.0.0.1:5000, JSON 127.0.0.1:65430",
    "  ETSI 004  tn-2, for sae-c: binary 127.0.0.1:25576",
  ]);
});

test("a site that feeds nothing has an agent too, where applications are served; none of them where nothing is fed", async () => {
  const { sites } = await planSites(document, true);
  expect(sites.map(({ node }) => node)).toEqual(expect.arrayContaining(["tn-1", "tn-2"]));
  const links = document.links.map((link) => ({ ...link, source: "simulated" as const }));
  expect((await planSites({ ...document, links }, true)).sites).toEqual([]);
});

test("the agent is told of those at its node", async () => {
  const folder = mkdtempSync(join(tmpdir(), "qkd-local-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "agent.toml");
  const { sites } = await planSites(document, true);
  const plan = sites.find(({ node }) => node === "tn-1");
  if (plan === undefined) expect.unreachable();
  const device = { a: "http://127.0.0.1:1", b: "http://127.0.0.1:2" };
  const authority = { ca: join(folder, "ca.crt"), ca_key: join(folder, "ca.key") };
  const around = { edge: "http://127.0.0.1:8787", authority, hybrid: [], agents: folder, device };
  writeFileSync(file, agentToml(plan, around, { local: PORTS }));
  expect(loadConfig(file).etsi004).toMatchObject([
    { kind: "qkd-module", address: "127.0.0.1", port: 5000, sae: "sae-a", node: "tn-1", peer_modules: ["127.0.0.1"] },
    { kind: "json-tcp", port: 65_430, sae: "sae-a", node: "tn-1" },
  ]);
});

test("who listens is waited for", async () => {
  const port = await freePort();
  const waiting = awaitListening([{ port, address: `127.0.0.1:${port}` }], new AbortController().signal);
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(port, "127.0.0.1");
  onTestFinished(() => void server.close());
  expect(await waiting).toEqual([]);
});
