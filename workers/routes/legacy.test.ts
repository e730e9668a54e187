/** Who may ask, and what is looked at before the node is: the rest is shown over real HTTPS in test/e2e/. */
import { beforeAll, expect, test } from "vitest";
import { PATHS } from "../../shared/qkd-trusted-node/messages.ts";
import { call, errorOf, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";

const neighbour = {
  id: "tn-x",
  node: "n1",
  credentials: [{ type: "token" as const, sha256: tokenSha256(token("tn-x")) }],
  service: "tn-x",
  link: { service: "kme-x", kme_id: "kme-ours", peer_kme_id: "kme-theirs" },
  saes: ["sae-x"],
};
/** Keys may go in clear, but nobody is connected: neither it nor the KME is reached. */
const silent = {
  ...neighbour,
  id: "tn-y",
  node: "n2",
  credentials: [{ type: "token" as const, sha256: tokenSha256(token("tn-y")) }],
  service: "tn-y",
  link: { service: "kme-y", kme_id: "kme-ours-y", peer_kme_id: "kme-theirs-y" },
  saes: ["sae-y"],
  key_in_clear: true,
};
beforeAll(async () => await setUp(0, { ...NETWORK, legacy_nodes: [neighbour, silent] }));

const walked = {
  trusted_node_id: "tn-x",
  kme_ids: ["kme-theirs"],
  sae_ids: ["sae-x"],
  trusted_node_ids: ["n1"],
  distance: 0,
};
const ID = "bc490419-7d60-487f-adc1-4ddcc177c139";
const extKeys = {
  first_key_id: ID,
  key_id: ID,
  initiator_trusted_node_id: "tn-x",
  initiator_sae_id: "sae-x",
  target_trusted_node_id: "n1",
  target_sae_node_id: "sae-a",
  path_to_go: ["n1"],
  discovered_network: [walked],
};

test("a neighbour is told the version, and who is here", async () => {
  expect(await (await call(PATHS.versions, { as: "tn-x" })).json()).toEqual({ versions: ["v1"], extension: {} });
  const heard = await post(PATHS.discover, "tn-x", { walked_nodes: [walked, walked], distance: 1 });
  const own = { trusted_node_id: "n1", kme_ids: ["kme-ours", "kme-theirs"], sae_ids: ["sae-a", "sae-a2"] };
  expect(await heard.json()).toEqual({ walked_nodes: [walked, { ...own, trusted_node_ids: ["tn-x"], distance: 1 }] });
});

test.each(Object.values(PATHS))("%s is for neighbours only", async (path) => {
  const ask = async (as: string | null) =>
    await call(path, { as, ...(path === PATHS.versions ? {} : { method: "POST", body: "{}" }) });
  expect((await ask(null)).status).toBe(401);
  expect(await Promise.all(["sae-a", "agent-1", "op"].map(async (as) => (await ask(as)).status))).toEqual([
    403, 403, 403,
  ]);
  expect((await call("/api/v1/network", { as: "tn-x" })).status).toBe(403);
});

test("no key goes in clear unless the document says so", async () => {
  for (const [path, body] of [
    [PATHS.extKeys, extKeys],
    [
      PATHS.void,
      { key_ids: [ID], initiator_sae_id: "sae-a", target_sae_id: "sae-x", path_to_go: ["n1"], discovered_network: [] },
    ],
  ] as const) {
    const refused = await post(path, "tn-x", body);
    expect(refused.status).toBe(403);
    expect((await errorOf(refused)).message).toContain("key_in_clear of tn-x does not allow that");
  }
  const refused = await call("/api/v1/keys/sae-x/enc_keys", { as: "sae-a" });
  expect([refused.status, (await errorOf(refused)).message]).toEqual([
    400,
    "keys with sae-x would go in clear, and key_in_clear of tn-x does not allow that",
  ]);
});

test.each<readonly [what: string, body: unknown, words: string]>([
  ["no JSON object", [], "the body: shall be a JSON object"],
  ["no UUID", { ...extKeys, key_id: "1" }, "key_id: shall be a UUID"],
  ["a key that is no base64", { ...extKeys, key: "%" }, "key: shall be base64"],
  [
    "too many nodes",
    { ...extKeys, discovered_network: Array.from({ length: 257 }, () => walked) },
    "discovered_network",
  ],
  ["a missing member", { ...extKeys, initiator_sae_id: undefined }, "initiator_sae_id: is missing"],
])("ext_keys with %s", async (_, body, words) => {
  const refused = await post(PATHS.extKeys, "tn-x", body);
  expect(refused.status).toBe(400);
  expect((await errorOf(refused)).message).toContain(words);
});

test("who is not reached is told as such, and nothing is kept", async () => {
  const enc = await call("/api/v1/keys/sae-y/enc_keys", { as: "sae-b" });
  expect([enc.status, (await errorOf(enc)).message]).toEqual([
    503,
    "no-path: no node of qkd-trusted-node, or more than one, has the SAE sae-y",
  ]);
  const come = {
    ...extKeys,
    initiator_trusted_node_id: "tn-y",
    initiator_sae_id: "sae-y",
    target_trusted_node_id: "n2",
    target_sae_node_id: "sae-b",
    path_to_go: ["n2"],
  };
  for (let attempt = 0; attempt < 2; attempt++) {
    const refused = await post(PATHS.extKeys, "tn-y", come);
    expect([refused.status, (await errorOf(refused)).message]).toEqual([503, "kme-y: answers 503"]);
  }
  const dec = await call(`/api/v1/keys/sae-y/dec_keys?key_ID=${ID}`, { as: "sae-b" });
  expect([dec.status, (await errorOf(dec)).message]).toEqual([400, "one or more keys specified are not found on KME"]);
});

const ask = async (body: object) => await post("/api/v1/keys/sae-x/enc_keys", "sae-a", body);

test("what the original has no notion of is refused, and status tells of nothing in store", async () => {
  expect((await errorOf(await ask({ additional_slave_SAE_IDs: ["sae-b"] }))).message).toContain(
    "knows keys of two SAEs only",
  );
  expect((await errorOf(await ask({ extension_mandatory: [{ qkdedge_route_type: "direct" }] }))).message).toBe(
    "not all extension_mandatory request options could be met",
  );
  const status = await (await call("/api/v1/keys/sae-x/status", { as: "sae-a" })).json();
  expect(status).toMatchObject({ source_KME_ID: "kme-1", target_KME_ID: "tn-x", stored_key_count: 0 });
});
