import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import { call, errorOf, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

const credentials = (who: string) => [{ type: "token" as const, sha256: tokenSha256(token(who)) }];
const [n1, n2, n3] = NETWORK.nodes as [
  NetworkDocumentInput["nodes"][number],
  NetworkDocumentInput["nodes"][number],
  NetworkDocumentInput["nodes"][number],
];
const IPSEC: NetworkDocumentInput = {
  ...NETWORK,
  nodes: [
    { ...n1, ipsec: { prefixes: ["10.0.0.11"], addresses: ["192.168.1.11"], answer_wait_ms: 5000 } },
    {
      ...n2,
      ipsec: { prefixes: ["10.0.0.20/32"], addresses: ["192.168.1.20"], registry: "pfkey", compat: "ccips-agent" },
    },
    n3,
  ],
  agents: [...(NETWORK.agents ?? []), { id: "agent-2", site: "n2", credentials: credentials("agent-2") }],
  controllers: [{ id: "ccips", credentials: credentials("ccips") }],
};
beforeAll(async () => await setUp(0, IPSEC));

const BASE = "/api/v1/nodes/n1/ipsec";
const SPD = {
  name: "p{}",
  direction: "outbound",
  "ipsec-policy-config": {
    "traffic-selector": { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" },
    "processing-info": { action: "bypass" },
  },
};
const SAD = {
  name: "s_300",
  reqid: "1",
  "ipsec-sa-config": {
    spi: "300",
    "traffic-selector": { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" },
    "esp-sa": { encryption: { "encryption-algorithm": "20", key: "aa:bb", iv: "aa:bb" } },
  },
};
const XML = `<spd-entry><name>x</name><direction>inbound</direction><ipsec-policy-config><traffic-selector>
  <local-prefix>10.0.0.11/32</local-prefix><remote-prefix>10.0.0.20/32</remote-prefix></traffic-selector>
  <processing-info><action>discard</action></processing-info></ipsec-policy-config></spd-entry>`;

interface Answer {
  readonly STATUS: string;
  readonly batch: string;
  readonly done: boolean;
  readonly entries: readonly { name: string | null; state: string; reason?: string; message?: string }[];
}
const told = async (response: Response) => {
  const { STATUS, entries } = await response.json<Answer>();
  return [response.status, STATUS, ...entries.map(({ name, reason }) => `${name}: ${reason}`)];
};

test("only controllers, operators and the agent of the node's own site", async () => {
  const body = JSON.stringify({ "spd-entry": SPD });
  for (const [as, status] of [
    [null, 401],
    ["sae-a", 403],
    ["agent-2", 403],
    ["agent-1", 200],
    ["ccips", 200],
    ["op", 200],
  ] as const) {
    expect((await call(`${BASE}/ipsec-entries`, { as, method: "POST", body })).status).toBe(status);
    expect((await call(`${BASE}/ipsec-entries`, { as })).status).toBe(status);
  }
  const notifications = { notifications: [{ kind: "sadb-bad-spi", eventTime: "2026-11-22T12:00:00Z", spi: 256 }] };
  expect((await post(`${BASE}/notifications`, "op", notifications)).status).toBe(403);
  expect((await post(`${BASE}/notifications`, "agent-2", notifications)).status).toBe(403);
  const taken = await post(`${BASE}/notifications`, "agent-1", notifications);
  expect([taken.status, await taken.json()]).toEqual([200, { taken: 1 }]);
  expect((await post(`${BASE}/notifications`, "agent-1", { notifications: [{ kind: "other" }] })).status).toBe(400);
  const status = await (await call(`${BASE}/ipsec-entries`, { as: "op" })).json();
  expect(status).toMatchObject({
    node: "n1",
    notifications: [{ notification: notifications.notifications[0] }],
    alarms: [],
  });
  for (const node of ["n3", "none"])
    expect((await post(`/api/v1/nodes/${node}/ipsec/ipsec-entries`, "op", body)).status).toBe(404);
});

test("one after the other, with commas, in an array, as XML, at the older path; each entry is told of by itself", async () => {
  const [spd, sad] = [JSON.stringify({ "spd-entry": SPD }), JSON.stringify({ "sad-entry": SAD })];
  const both = [200, "OK", "p{}: no-agent", "s_300: no-agent"];
  for (const body of [`${spd}${sad}`, `${spd},\n${sad}`, `[${spd},${sad}]`])
    expect(await told(await post(`${BASE}/ipsec-entries`, "ccips", body))).toEqual(both);
  expect(await told(await post(`${BASE}/register`, "ccips", `${spd}${sad}`))).toEqual(both);
  expect(await told(await post(`${BASE}/ipsec-entries`, "ccips", XML))).toEqual([200, "OK", "x: no-agent"]);
  const bad = JSON.stringify({ "sad-entry": { ...SAD, "ipsec-sa-config": { ...SAD["ipsec-sa-config"], spi: 0 } } });
  const mixed = await post(`${BASE}/ipsec-entries`, "ccips", `${bad}{"junk":1}${spd}`);
  const { entries } = await mixed.json<Answer>();
  expect(entries.map(({ reason }) => reason)).toEqual(["bad-entry", "bad-entry", "no-agent"]);
  expect(entries[0]?.message).toContain("sad-entry[s_300]/ipsec-sa-config/spi");
  // By the node's registry: 5 is HMAC-SHA2-256 there.
  const ccips = {
    ...SAD,
    "ipsec-sa-config": {
      ...SAD["ipsec-sa-config"],
      "esp-sa": { encryption: { "encryption-algorithm": 12 }, integrity: { "integrity-algorithm": 5 } },
    },
  };
  expect(await told(await post("/api/v1/nodes/n2/ipsec/ipsec-entries", "ccips", { "sad-entry": ccips }))).toEqual([
    200,
    "OK",
    "s_300: no-agent",
  ]);
});

test("nothing of a body can be read", async () => {
  for (const body of ["", "nothing", "{", "<spd-entry>", `<!DOCTYPE a [<!ENTITY b "c">]><spd-entry/>`])
    expect((await post(`${BASE}/ipsec-entries`, "ccips", body)).status === 200 ? body : 400).toBe(400);
  expect((await post(`${BASE}/ipsec-entries`, "ccips", " ".repeat(LIMITS.ipsecBodyBytes + 1))).status).toBe(413);
});

test("Prefer: what waits, what is told later, where", async () => {
  const body = { "sad-entry": SAD };
  const later = await post(`${BASE}/ipsec-entries`, "ccips", body, { Prefer: "respond-async" });
  const { batch, entries } = await later.clone().json<Answer>();
  expect([later.status, entries.map(({ state }) => state)]).toEqual([202, ["queued"]]);
  const location = later.headers.get("Location") ?? "";
  expect(location).toBe(`${BASE}/ipsec-entries?batch=${batch}`);
  const waited = await post(
    `${BASE}/ipsec-entries`,
    "ccips",
    { "spd-entry": { ...SPD, name: "w" } },
    { Prefer: "wait=5" },
  );
  expect((await waited.json<Answer>()).done).toBe(true);
  await expect
    .poll(async () => await told(await call(location, { as: "ccips" })), { timeout: 10_000 })
    .toEqual([200, "OK", "s_300: no-agent"]);
  expect((await call(`${BASE}/ipsec-entries?batch=none`, { as: "ccips" })).status).toBe(404);
});

test("deletions, by name only", async () => {
  const body = '{"sad-entry":{"name":"s_300","reqid":"1"}}{"spd-entry":{"name":"never"}}{"spd-entry":{}}';
  const answer = await call(`${BASE}/ipsec-entries`, { as: "ccips", method: "DELETE", body });
  expect(await told(answer)).toEqual([200, "OK", "s_300: no-agent", "never: no-agent", "null: bad-entry"]);
});

test("createqkd is kept for the pair at both ends, whichever is asked", async () => {
  const settings = {
    endpoint1: "192.168.1.20",
    endpoint2: "192.168.1.11",
    "use-qkd": "yes",
    "pqc-algorithm": "kyber-768",
  };
  const set = await post(`${BASE}/createqkd`, "ccips", { ...settings, "hybridization-method": "xoring" });
  expect([set.status, await set.json()]).toEqual([200, { STATUS: "OK" }]);
  for (const node of ["n1", "n2"]) {
    const status = await (await call(`/api/v1/nodes/${node}/ipsec/ipsec-entries`, { as: "op" })).json();
    expect(status).toMatchObject({
      settings: [{ endpoints: ["192.168.1.11", "192.168.1.20"], qkd: true, method: "xoring" }],
    });
  }
  const strange = await post(`${BASE}/createqkd`, "ccips", {
    ...settings,
    endpoint1: "192.168.1.30",
    endpoint2: "192.168.1.31",
  });
  expect([strange.status, (await errorOf(strange)).message]).toEqual([400, expect.stringContaining("endpoint1")]);
  expect((await post(`${BASE}/createqkd`, "ccips", { ...settings, "pqc-algorithm": "rot13" })).status).toBe(400);
});

test("rekeys and alarms", async () => {
  expect((await post(`${BASE}/rekey`, "ccips", { name: "none" })).status).toBe(404);
  expect((await post(`${BASE}/rekey`, "ccips", {})).status).toBe(400);
  const cleared = await call(`${BASE}/alarms/rekey-failed`, { as: "op", method: "DELETE" });
  expect([cleared.status, await cleared.json()]).toEqual([200, { cleared: 0 }]);
  expect((await call(`${BASE}/alarms/other`, { as: "op", method: "DELETE" })).status).toBe(404);
  expect((await call(`${BASE}/alarms/rekey-failed`, { as: "ccips", method: "DELETE" })).status).toBe(403);
});

test("an object is told of a network in which its node has no host any more", async () => {
  const object = (env as unknown as ObjectsEnv).PROXY_AGENT.getByName("n1");
  const listed = async () => {
    const status = await object.status();
    return status.ok ? status.value.entries.length : -1;
  };
  expect(await listed()).toBeGreaterThan(0);
  const nodes = IPSEC.nodes.map((node) => (node.id === "n1" ? n1 : node));
  const put = await call("/api/v1/network", {
    as: "op",
    method: "PUT",
    headers: { "If-Match": '"1"' },
    body: JSON.stringify({ ...IPSEC, nodes }),
  });
  expect(put.status).toBe(200);
  await expect.poll(listed, { timeout: 10_000 }).toBe(0);
});
