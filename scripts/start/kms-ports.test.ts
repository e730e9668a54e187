import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../tunnel/agent/config/load.ts";
import { DEMO_TOKEN_NAMES } from "../demo/network.ts";
import { agentToml } from "./agent-files.ts";
import { planSites } from "./demo-sites.ts";
import { kmsLines, kmsListens, type KmsPorts, kmsPorts, kmsPortsFile } from "./kms-ports.ts";
import { demoWanted } from "./secrets.ts";

const tokens = Object.fromEntries(DEMO_TOKEN_NAMES.map((name) => [name, `token of ${name}`]));
const { document } = demoWanted(tokens, true);

const USUAL: readonly KmsPorts[] = [
  { node: "tn-1", ports: { token: 9992, api: 8095 }, users: {} },
  { node: "tn-2", ports: { token: 9993, api: 8096 }, users: { pwebb: "site2" } },
];

test("ports.json, the banner, and what is waited for", () => {
  expect(kmsPortsFile(USUAL)).toEqual({
    openQkdNetwork: {
      "tn-1": { token: "http://127.0.0.1:9992", api: "http://127.0.0.1:8095" },
      "tn-2": { token: "http://127.0.0.1:9993", api: "http://127.0.0.1:8096" },
    },
  });
  expect(kmsLines(USUAL)).toEqual([
    "  KMS API   tn-1 http://127.0.0.1:8095, tokens http://127.0.0.1:9992; tn-2 http://127.0.0.1:8096, tokens http://127.0.0.1:9993",
  ]);
  expect(kmsListens(USUAL).map(({ port }) => port)).toEqual([9992, 8095, 9993, 8096]);
  expect([kmsPortsFile([]), kmsLines([])]).toEqual([{}, []]);
});

test("only at nodes whose agents run, and that have users", async () => {
  const { kms, notes } = await kmsPorts(document, ["tn-1", "tn-2", "tn-3"], true);
  expect([kms.map(({ node, users }) => [node, users]), notes]).toEqual([
    [
      ["tn-1", {}],
      ["tn-2", { pwebb: "site2" }],
    ],
    [],
  ]);
  expect(new Set(kmsListens(kms).map(({ port }) => port)).size).toBe(4);
  expect((await kmsPorts(document, ["tn-3"], true)).kms).toEqual([]);
  expect((await kmsPorts({ ...document, kms_users: [] }, ["tn-1"], true)).kms).toEqual([]);
});

test("the agent takes what is written for it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "qkd-kms-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "agent.toml");
  const { sites } = await planSites(document, true);
  const authority = { ca: join(folder, "ca.crt"), ca_key: join(folder, "ca.key") };
  const device = { a: "http://127.0.0.1:1", b: "http://127.0.0.1:2" };
  const around = { edge: "http://127.0.0.1:8787", authority, hybrid: [], agents: folder, device };
  const told = sites.map((plan) => {
    writeFileSync(file, agentToml(plan, around, { kms: USUAL }));
    return loadConfig(file).open_qkd_network.map(({ node, token_port: port, users }) => [node, port, users]);
  });
  expect(told).toEqual([[["tn-1", 9992, {}]], [["tn-2", 9993, { pwebb: "site2" }]], []]);
});
