/** What of files goes into which reader; the readers have tests of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordedCli } from "../../test/support/recorded-cli.ts";

const EXAMPLES = path.join(import.meta.dirname, "../../examples/hybrid");
const CONFIG = path.join(EXAMPLES, "bob/config.json");
const PEERS = path.join(EXAMPLES, "bob/trusted_peers_info.json");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "qkd-import-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const imported = async (...argv: string[]) => await recordedCli(["import", ...argv], { env: {}, cwd: folder });

const put = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};

test("a hybridization module's two files, in any order", async () => {
  const [first, second] = [await imported(CONFIG, PEERS), await imported(PEERS, CONFIG)];
  expect(first.code).toBe(0);
  expect(second.out).toBe(first.out);
  expect(first.out).toContain('[hybrid.module]\nlisten = "10.10.11.246:3001"');
  expect(first.out).not.toContain("123456789");
  expect(first.out).toContain("(tn-1 and sae-a stand for what the files do not tell: --node, --sae)");
});

test("for another node and application, as JSON", async () => {
  const { out } = await imported(CONFIG, PEERS, "--node", "tn-2", "--sae", "sae-c", "--json");
  const { toml, mapped, ignored } = JSON.parse(out) as { toml: string; mapped: unknown[]; ignored: unknown[] };
  expect(toml).toContain('sae = "sae-c"\nnode = "tn-2"');
  expect(toml).toContain('[[hybrid.node]]\nid = "tn-2"');
  expect([mapped.length, ignored.length]).toEqual([14, 6]);
});

test("a qkd-module's one file", async () => {
  const file = put("configM.yaml", "module:\n  sender: 1\n  sim: fake\n");
  const { code, out } = await imported(file, "--nodes", "tn-2,tn-3");
  expect(code).toBe(0);
  expect(out).toContain('"id": "tn-2-tn-3"');
});

const trustedNode = (id: string, neighbour: string, sae: string) =>
  JSON.stringify({
    id,
    ca_file: "certs/ca.crt",
    attached_kmes: [
      {
        url: "https://localhost:8040",
        kme_id: `kme-${id}`,
        linked_to: `kme-${neighbour}`,
        kme_cert: "certs/kme.crt",
        sae_cert: `certs/${id}.crt`,
        sae_key: `certs/${id}.key`,
        distance: 0,
      },
    ],
    attached_saes: [{ sae_id: sae, sae_cert: `certs/${sae}.crt` }],
    attached_trusted_nodes: [
      { url: "https://localhost:9010", id: neighbour, cert: `certs/${id}.crt`, key: `certs/${id}.key` },
    ],
  });

test("settings of qkd-trusted-node: one node hosted, the other a neighbour", async () => {
  const files = [
    put("settings-tn1.json", trustedNode("tn-1", "tn-2", "sae-a")),
    put("settings-tn2.json", trustedNode("tn-2", "tn-1", "sae-b")),
  ];
  const { code, out } = await imported(...files, "--hosted", "tn-1", "--json");
  expect(code).toBe(0);
  const { parts, agents } = JSON.parse(out) as { parts: object; agents: Record<string, string> };
  expect(parts).toMatchObject({
    nodes: [{ id: "tn-1" }],
    legacy_nodes: [{ id: "tn-2", saes: ["sae-b"], link: { kme_id: "kme-tn-1", peer_kme_id: "kme-tn-2" } }],
  });
  expect(agents["tn-1"]).toContain('https = { ca = "certs/ca.crt", cert = "certs/tn-1.crt", key = "certs/tn-1.key" }');
  const told = (await imported(...files)).out;
  expect(told).toContain("parts of the network document");
  expect(told).toContain("links tn-1-tn-2");
  expect(told).toMatch(/attached_kmes\.#\.kme_cert +the original never looks at it/);
});

const ORIGINAL = path.join(import.meta.dirname, "../../examples/ipsec/original");
const PROXY = path.join(ORIGINAL, "proxy_agent.json");
const NODES = path.join(ORIGINAL, "public_node_info.json");

test("a proxy agent's two files, in any order", async () => {
  const [first, second] = [await imported(PROXY, NODES), await imported(NODES, PROXY)];
  expect(first.code).toBe(0);
  expect(second.out).toBe(first.out);
  expect(first.out).toContain('[[ipsec]]\nnode = "tn-1"');
  expect(first.out).toContain('hybrid_module = "127.0.0.1:65430"');
  expect(first.out).toContain("(tn-1 stands for what the files do not tell: --node)");
  expect(first.out).toContain("warning: 192.168.123.300: no IP prefix");
  expect(first.out).toContain("warning: 10.0.0.20: taken as 10.0.0.20/32");
  expect(first.out).toMatch(/^10\.0\.0\.11\/32\.role +the proxy agent never looks at it/m);
  expect(first.out).not.toContain("not-a-real-password");
  const { err } = await imported(PROXY, CONFIG);
  expect(err).toContain("a proxy agent has two files, proxy_agent.json and public_node_info.json");
});

test("a proxy agent whose keys the agent itself makes, as JSON", async () => {
  const { out } = await imported(PROXY, NODES, "--node", "tn-2", "--sae", "sae-c", "--json");
  const { toml, nodes, warnings } = JSON.parse(out) as { toml: string; nodes: object[]; warnings: string[] };
  expect(toml).toContain('node = "tn-2"\nsae = "sae-c"');
  expect(toml).not.toContain("hybrid_module");
  expect(nodes).toMatchObject([
    { ipsec: { prefixes: ["10.0.0.11/32"], registry: "pfkey", compat: "ccips-agent", qkd_required: true } },
    { ipsec: { prefixes: ["10.0.0.20/32"], addresses: ["192.168.1.20"] } },
  ]);
  expect(warnings).toHaveLength(2);
});

const KMS_CONF = `${["uaa/oauth/token", "api/newkey", "api/getkey"].map((each) => `http://localhost:8095/${each}\n`).join("")}A\n`;

test("a site of Open-QKD-Network, whose files are no YAML, in any order", async () => {
  const files = [
    put("kms.conf", KMS_CONF),
    put("routes.json", JSON.stringify({ adjacent: { B: "192.168.1.76" }, nonAdjacent: {} })),
    put("site.properties", "# a comment: of the KMS\nkms.site.id = A\nkms.keys.bytesize=32\n"),
  ];
  const { code, out } = await imported(...files, "--nodes", "A=tn-1,B=tn-2");
  expect(code).toBe(0);
  expect((await imported(...files.toReversed(), "--nodes", "A=tn-1,B=tn-2")).code).toBe(0);
  expect(out).toContain('"id": "tn-1-tn-2"');
  expect(out).toContain('[[open_qkd_network]]\nnode = "tn-1"');
  expect(out).toMatch(/^kms\.conf: line 1 +\[\[open_qkd_network\]\] token_port = 8095/m);
  const { out: json } = await imported(...files, "--json");
  expect(JSON.parse(json)).toMatchObject({ parts: { nodes: [{ id: "a", kms_site_id: "A" }, { id: "b" }] } });
  const { err } = await imported(...files, "--nodes", "tn-1,tn-2");
  expect(err).toContain('"tn-1" is not SITE=NODE');
});

test("what does not go together is told", async () => {
  const link = put("configM.yaml", "module:\n  sender: 1\n  sim: fake\n");
  const odd = put("odd.json", JSON.stringify({ hybridization_server_address: {}, peer_local_address: {} }));
  const cases: readonly (readonly [files: readonly string[], words: string])[] = [
    [[CONFIG], "has two files, config.json and trusted_peers_info.json"],
    [[CONFIG, CONFIG], "has two files"],
    [[CONFIG, link], "has two files"],
    [[link, link], "two files are one hybridization module's, and these are not"],
    [[odd, PEERS], "uuid: missing"],
    [[put("tn.json", trustedNode("tn-1", "tn-2", "sae-a")), link], "no settings-tnN.json of qkd-trusted-node"],
    [[put("bad.json", trustedNode("", "tn-2", "sae-a"))], "id: missing, or none of its values"],
    [[put("tn.json", trustedNode("tn-1", "tn-2", "sae-a")), "--hosted", "tn-7"], "no file is of the node tn-7"],
    [[PROXY], "a proxy agent has two files"],
    [[PROXY, NODES, NODES], "a proxy agent has two files"],
    [[put("half.json", JSON.stringify({ ccips_agent: {}, hybrid_module: {} })), NODES], "ccips_agent.address: missing"],
    [[put("kms.conf", KMS_CONF), CONFIG], "config.json: no file of a site of Open-QKD-Network"],
    [[put("kms.conf", KMS_CONF.replace("newkey", "key"))], "kms.conf: line 2: "],
    [[path.join(folder, "none")], "cannot be read"],
    [[put("not.yaml", "a: [")], "is not YAML"],
    [[put("large.yaml", `a: ${"x".repeat(70_000)}`)], "more than 65536 bytes"],
  ];
  for (const [files, words] of cases) {
    const { code, err } = await imported(...files);
    expect(code).toBe(1);
    expect(err).toContain(words);
  }
});
