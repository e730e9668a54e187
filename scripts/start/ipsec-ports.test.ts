import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../tunnel/agent/config/load.ts";
import { DEMO_TOKEN_NAMES } from "../demo/network.ts";
import { agentToml } from "./agent-files.ts";
import { planSites } from "./demo-sites.ts";
import { type IpsecHosts, readIpsecHosts } from "./ipsec-hosts.ts";
import { IPSEC_NODES, ipsecLines, ipsecPorts, ipsecPortsFile } from "./ipsec-ports.ts";
import { demoWanted } from "./secrets.ts";

const tokens = Object.fromEntries(DEMO_TOKEN_NAMES.map((name) => [name, `token of ${name}`]));
const { document } = demoWanted(tokens, true);

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "qkd-ipsec-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function hostsIn(text: string): IpsecHosts {
  const file = join(temporaryFolder(), "hosts.toml");
  writeFileSync(file, text);
  return readIpsecHosts(file, IPSEC_NODES);
}

const ONE = `[tn-1]
host = "192.0.2.1"
user = "netconf"
password_file = "tn-1.password"
host_key = "SHA256:${"A".repeat(43)}"
`;

test("hosts by node, with paths from where the file is", () => {
  const { "tn-1": host } = hostsIn(ONE);
  expect(host).toMatchObject({ host: "192.0.2.1", port: 830, user: "netconf" });
  expect(host?.password_file).toMatch(/^\/.*\/qkd-ipsec-\w+\/tn-1\.password$/);
});

test.each([
  ['[tn-1]\nhost = "a"\nuser = "u"\npassword_file = "p"\n', /hosts\.toml:1: tn-1: either host_key/],
  [ONE.replace("tn-1]", "tn-3]"), /hosts\.toml: tn-3 is none of tn-1, tn-2$/],
  ["[tn-1", /hosts\.toml:1: /],
  [`${ONE}colour = 1\n`, /hosts\.toml:6: tn-1\.colour: /],
])("what is wrong is said in a line", (text, words) => {
  expect(() => hostsIn(text)).toThrow(words);
});

test("a port for each node with an IPsec host whose agent runs", async () => {
  const { ipsec, notes } = await ipsecPorts(document, ["tn-1", "tn-2", "tn-3"], hostsIn(ONE), true);
  expect(notes).toEqual([]);
  expect(ipsec.map(({ node, sae, host }) => [node, sae, host.host])).toEqual([
    ["tn-1", "sae-a", "192.0.2.1"],
    ["tn-2", "sae-c", "127.0.0.1"],
  ]);
  const [one] = ipsec;
  expect(ipsecPortsFile(ipsec.slice(0, 1))).toEqual({ ipsec: { "tn-1": `http://127.0.0.1:${one?.port}` } });
  expect(ipsecPortsFile([])).toEqual({});
  expect(ipsecLines(ipsec, hostsIn(ONE))).toEqual([
    `  IPsec     tn-1 http://127.0.0.1:${one?.port} for 192.0.2.1:830, tn-2 ${ipsec[1]?.address}  (which hosts: --ipsec-hosts FILE)`,
  ]);
  expect(ipsecLines([], {})).toEqual([]);
  const bare = document.nodes.map((node) => ({ ...node, ipsec: undefined }));
  expect((await ipsecPorts({ ...document, nodes: bare }, ["tn-1"], {}, true)).ipsec).toEqual([]);
});

test("the agent takes what is written for it", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "agent.toml");
  const { sites, hybrid, local, ipsec } = await planSites(document, true, hostsIn(ONE));
  const authority = { ca: join(folder, "ca.crt"), ca_key: join(folder, "ca.key") };
  const device = { a: "http://127.0.0.1:1", b: "http://127.0.0.1:2" };
  const around = { edge: "http://127.0.0.1:8787", authority, hybrid, agents: folder, device };
  const told = sites.map((plan) => {
    writeFileSync(file, agentToml(plan, around, { local, ipsec }));
    return loadConfig(file).ipsec.map(({ node, sae, netconf, listen }) => [node, sae, netconf.host, listen?.address]);
  });
  expect(told).toEqual([
    [["tn-1", "sae-a", "192.0.2.1", "127.0.0.1"]],
    [["tn-2", "sae-c", "127.0.0.1", "127.0.0.1"]],
    [],
  ]);
});
