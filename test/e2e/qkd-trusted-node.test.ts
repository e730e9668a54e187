/**
 * Nodes of qkd-trusted-node as neighbours of tn-1 of the demo, over real HTTPS both ways:
 * orig-x (sae-x) - tn-1 (sae-a) - orig-y (sae-y) - orig-z (sae-z).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issue, loadAuthority } from "../../pki/authority.ts";
import { enrolmentOf } from "../../scripts/demo/network.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { Agent } from "../../tunnel/agent/agent.ts";
import { checkConfig } from "../../tunnel/agent/config/load.ts";
import { changeNetwork, eventually } from "../support/operator.ts";
import { askOriginal, type Identity } from "../support/original-http.ts";
import { kmePair, type KmePair } from "../support/original-kmes.ts";
import { OriginalNode } from "../support/original-trusted-node.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

interface Container {
  readonly keys: readonly { readonly key_ID: string; readonly key: string }[];
}

const neighbour = (id: string, saes: readonly string[]) => ({
  id,
  node: "tn-1",
  credentials: [{ type: "certificate", match: "cn", value: id } as const],
  service: id,
  link: { service: `kme-${id}`, kme_id: `kme-ours-${id}`, peer_kme_id: `kme-theirs-${id}` },
  saes: [...saes],
  key_in_clear: true,
});
const withNeighbours = (demo: NetworkDocumentInput): NetworkDocumentInput => ({
  ...demo,
  legacy_nodes: [neighbour("orig-x", ["sae-x"]), neighbour("orig-y", ["sae-y", "sae-z"])],
});

const IDS = ["tn-1", "orig-x", "orig-y", "orig-z", "sae-x", "sae-y", "sae-z", "kme"] as const;
type Id = (typeof IDS)[number];
const NODES = ["orig-x", "orig-y", "orig-z"] as const;
type Node = (typeof NODES)[number];

let network: RunningNetwork;
let identities: Record<Id, Identity>;
let originals: Record<Node, OriginalNode>;
let pairs: Record<"x" | "y" | "z", KmePair>;
const ended = new AbortController();
let agentEnded: Promise<unknown>;

async function makeIdentities(certs: string): Promise<Record<Id, Identity>> {
  const ca = readFileSync(join(certs, "ca.crt"), "utf8");
  const authority = await loadAuthority(ca, readFileSync(join(certs, "ca.key"), "utf8"));
  const sans = [{ type: "ip" as const, value: "127.0.0.1" }];
  const made = IDS.map(async (commonName) => {
    const { certificate, key } = await issue(authority, { commonName, usage: "server", sans });
    return [commonName, { ca, certificate, key }] as const;
  });
  return Object.fromEntries(await Promise.all(made)) as Record<Id, Identity>;
}

const urlOf = (pair: KmePair, id: string): string => pair.servers[id]?.url ?? "";
const attached = (pair: KmePair, kmes: readonly [own: string, other: string], own: string, other: string) => [
  { url: urlOf(pair, own), kme_id: kmes[0], distance: 0 } as const,
  { url: urlOf(pair, other), kme_id: kmes[1], distance: 1 } as const,
];

async function startOriginals(): Promise<void> {
  const kme = identities["kme"];
  const [x, y, z] = await Promise.all([
    kmePair(kme, ["tn-1", "orig-x"]),
    kmePair(kme, ["tn-1", "orig-y"]),
    kmePair(kme, ["orig-y", "orig-z"]),
  ]);
  pairs = { x, y, z };
  const started = NODES.map(async (id) => [id, await OriginalNode.start(identities[id], id)] as const);
  originals = Object.fromEntries(await Promise.all(started)) as Record<Node, OriginalNode>;
  const at = (id: Node) => ({ url: originals[id].server.url, id });
  const ours = { url: network.kme["tn-1"] ?? "", id: "tn-1" };
  originals["orig-x"].configure({
    attached_kmes: attached(x, ["kme-theirs-orig-x", "kme-ours-orig-x"], "orig-x", "tn-1"),
    attached_saes: [{ sae_id: "sae-x" }],
    attached_trusted_nodes: [ours],
  });
  originals["orig-y"].configure({
    attached_kmes: [
      ...attached(y, ["kme-theirs-orig-y", "kme-ours-orig-y"], "orig-y", "tn-1"),
      ...attached(z, ["kme-y", "kme-z"], "orig-y", "orig-z"),
    ],
    attached_saes: [{ sae_id: "sae-y" }],
    attached_trusted_nodes: [ours, at("orig-z")],
  });
  originals["orig-z"].configure({
    attached_kmes: attached(z, ["kme-z", "kme-y"], "orig-z", "orig-y"),
    attached_saes: [{ sae_id: "sae-z" }],
    attached_trusted_nodes: [at("orig-y")],
  });
}

/** The agent of tn-1's site leads to both neighbours and to both KMEs, as the node. */
async function startAgent(): Promise<void> {
  const file = (name: string, text: string): string => {
    const path = join(network.state, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const { ca, certificate, key } = identities["tn-1"];
  const https = { ca: file("n.ca", ca), cert: file("n.crt", certificate), key: file("n.key", key) };
  const services = {
    "orig-x": originals["orig-x"].server.url,
    "orig-y": originals["orig-y"].server.url,
    "kme-orig-x": urlOf(pairs.x, "tn-1"),
    "kme-orig-y": urlOf(pairs.y, "tn-1"),
  };
  const settings = checkConfig({
    edge: network.edge,
    site: "site-a",
    token_file: file("token", `${network.tokens[enrolmentOf("tn-1")] ?? ""}\n`),
    state: join(network.state, "agent-of-the-test"),
    service: Object.entries(services).map(([name, url]) => ({
      name,
      host: "127.0.0.1",
      port: Number(new URL(url).port),
      allow: ["@edge"],
      https,
    })),
  });
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>();
  const agent = await Agent.start({
    settings: { ...settings, state: settings.state ?? "" },
    log: () => undefined,
    onReady,
  });
  agentEnded = agent.run(ended.signal);
  await ready;
}

beforeAll(async () => {
  network = await runNetwork({ network: withNeighbours, args: ["--prefill", "0"] });
  identities = await makeIdentities(join(network.state, "certs"));
  await startOriginals();
  await startAgent();
});
afterAll(async () => {
  ended.abort();
  await agentEnded;
  for (const server of [...NODES.map((id) => originals[id].server), pairs.x, pairs.y, pairs.z]) server.close();
  await network.stop();
});

const ours = async (method: string, other: string, query = ""): Promise<{ status: number; body: unknown }> => {
  const response = await network.fetch(`/api/v1/keys/${other}/${method}${query}`, "sae-a");
  return { status: response.status, body: await response.json() };
};
const theirs = async (sae: "sae-x" | "sae-y" | "sae-z", method: string, other: string, query = "") => {
  const node = originals[`orig-${sae.slice(-1)}` as Node];
  return await askOriginal(identities[sae], `${node.server.url}/api/v1/keys/${other}/${method}${query}`);
};
const keysOf = (body: unknown) => (body as Container).keys;

test.each(["sae-y", "sae-z"] as const)("a key of ours for %s, one node or two away", async (slave) => {
  const given = await ours("enc_keys", slave, "?size=256");
  expect(given).toMatchObject({ status: 200, body: { keys: [{ key_ID: expect.any(String) }] } });
  const [key] = keysOf(given.body);
  expect(Buffer.from(key?.key ?? "", "base64")).toHaveLength(32);
  expect(await theirs(slave, "dec_keys", "sae-a", `?key_ID=${key?.key_ID}`)).toEqual({ keys: [key] });
  // Once.
  const node = originals[`orig-${slave.slice(-1)}` as Node];
  expect(node.activated.size).toBe(0);
  const path = { path_to_go: ["tn-1"], discovered_network: [] };
  const again = { key_ids: [key?.key_ID], initiator_sae_id: "sae-a", target_sae_id: slave, ...path };
  expect(await askOriginal(identities["orig-y"], `${network.kme["tn-1"]}/api/v1/kmapi/v1/void`, again)).toMatchObject({
    message: "one or more keys specified are not found on KME",
  });
});

test.each(["sae-y", "sae-z"] as const)(
  "a key that %s began, for ours: fetched once, and gone where it began",
  async (master) => {
    const [key] = keysOf(await theirs(master, "enc_keys", "sae-a", "?size=128"));
    expect(key?.key_ID).toMatch(/^[0-9a-f-]{36}$/);
    const fetched = await ours("dec_keys", master, `?key_ID=${key?.key_ID}`);
    expect(fetched).toEqual({ status: 200, body: { keys: [key] } });
    expect((await ours("dec_keys", master, `?key_ID=${key?.key_ID}`)).status).toBe(400);
    expect(originals[`orig-${master.slice(-1)}` as Node].activated.size).toBe(0);
  },
);

test("a key between two of theirs goes on over our node", async () => {
  const [key] = keysOf(await theirs("sae-x", "enc_keys", "sae-z", "?size=128"));
  expect(key?.key_ID).toMatch(/^[0-9a-f-]{36}$/);
  expect(await theirs("sae-z", "dec_keys", "sae-x", `?key_ID=${key?.key_ID}`)).toEqual({ keys: [key] });
});

test("keys that are not the same at both ends are given to nobody", async () => {
  const node = originals["orig-y"];
  const [begun] = keysOf(await theirs("sae-y", "enc_keys", "sae-a", "?size=128"));
  node.liesAboutKeys = true;
  expect(await ours("enc_keys", "sae-y", "?size=128")).toMatchObject({
    status: 503,
    body: { message: "the other end has got another key: nobody is given it" },
  });
  const fetched = await ours("dec_keys", "sae-y", `?key_ID=${begun?.key_ID}`);
  node.liesAboutKeys = false;
  expect(fetched).toMatchObject({ status: 400, body: { message: "one or more keys specified are not found on KME" } });
  // Of the first one the other end has a key, whose ID our SAE has never heard of; nor does it get it from here.
  const [stray = ""] = node.activated.keys();
  expect(await theirs("sae-y", "dec_keys", "sae-a", `?key_ID=${stray}`)).toMatchObject({
    keys: { message: "one or more keys specified are not found on KME" },
  });
});

test("a key of another SAE is not to be had, nor from another node", async () => {
  const [key] = keysOf(await theirs("sae-y", "enc_keys", "sae-a", "?size=128"));
  const other = await network.fetch(`/api/v1/keys/sae-y/dec_keys?key_ID=${key?.key_ID}`, "sae-a2");
  expect(other.status).toBe(401);
  const elsewhere = await network.fetch(`/api/v1/keys/sae-y/enc_keys`, "sae-c");
  expect([elsewhere.status, await elsewhere.json()]).toEqual([
    400,
    { message: "the SAE sae-y is reached from SAEs at tn-1 only" },
  ]);
  expect((await ours("dec_keys", "sae-y", `?key_ID=${key?.key_ID}`)).status).toBe(200);
});

test("what is done is told to the node's audit log, and no key", async () => {
  const audit = await eventually(
    async () => await (await network.fetch("/api/v1/audit?node=tn-1", "operator")).text(),
    (text) =>
      ["keys.enc", "keys.dec", "legacy.keep", "legacy.pass", "legacy.fetch", "keys.refused"].every((act) =>
        text.includes(act),
      ),
    20_000,
  );
  expect(audit).toContain("legacy:orig-y");
});

test("what nobody may ask is refused before a key is spent", async () => {
  const kme = pairs.y.servers["tn-1"];
  const before = kme?.asked.length;
  const walked = { trusted_node_id: "orig-y", kme_ids: [], sae_ids: [], trusted_node_ids: [], distance: 0 };
  const id = "bc490419-7d60-487f-adc1-4ddcc177c139";
  const request = {
    first_key_id: id,
    key_id: id,
    initiator_trusted_node_id: "orig-y",
    initiator_sae_id: "sae-y",
    target_trusted_node_id: "tn-1",
    target_sae_node_id: "sae-a",
    path_to_go: ["tn-1"],
    discovered_network: [walked],
  };
  const cases: readonly (readonly [change: object, words: string])[] = [
    [{ initiator_sae_id: "sae-x" }, "may not speak for the SAE sae-x"],
    [{ target_sae_node_id: "sae-c" }, "no SAE sae-c is here"],
    [{ path_to_go: ["tn-2"] }, "path_to_go: does not begin"],
    [{ path_to_go: ["tn-1", "orig-y"], target_trusted_node_id: "orig-y" }, "path_to_go: leads back"],
    [{ path_to_go: ["tn-1", "orig-x", "tn-1"] }, "leads to a node twice"],
    [{ key_id: "x" }, "key_id: shall be a UUID"],
  ];
  for (const [change, words] of cases) {
    const url = `${network.kme["tn-1"]}/api/v1/kmapi/v1/ext_keys`;
    const answer = await askOriginal(identities["orig-y"], url, { ...request, ...change });
    expect(answer).toMatchObject({ message: expect.stringContaining(words) as string });
  }
  expect(kme?.asked.length).toBe(before);
});

test("without key_in_clear nothing goes, either way, and nothing is spent", async () => {
  await changeNetwork(network, (document) => ({
    ...document,
    legacy_nodes: (document.legacy_nodes ?? []).map((legacy) => ({ ...legacy, key_in_clear: false })),
  }));
  // Copies of the document live for a moment.
  const refused = await eventually(
    async () => await ours("enc_keys", "sae-y"),
    ({ status }) => status !== 200,
    10_000,
  );
  expect(refused).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining("key_in_clear of orig-y") as string },
  });
  const kme = pairs.y.servers["tn-1"];
  const before = kme?.asked.length;
  expect((await ours("enc_keys", "sae-y")).status).toBe(400);
  expect(await theirs("sae-y", "enc_keys", "sae-a", "?size=128")).toMatchObject({
    keys: [{ message: expect.stringContaining("key_in_clear of orig-y") as string }],
  });
  expect(kme?.asked.length).toBe(before);
});
