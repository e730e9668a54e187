/** What is revoked stays out: within a second or two, on open connections too, and whatever document is restored. */
import https from "node:https";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { httpsRequest } from "../support/front-bench.ts";
import { changeNetwork, eventually, qkd, readNetwork } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const WITHIN_MS = 2000;
const STATUS_OF_C = "/api/v1/keys/sae-c/status";
const STATUS_OF_A = "/api/v1/keys/sae-a/status";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork();
});
afterAll(() => network.stop());

const byToken = async (name: string, path: string): Promise<number> => (await network.fetch(path, name)).status;
const byCertificate = async (node: string, sae: string, path: string): Promise<number> =>
  (await network.request(node, sae, path)).status;
const refused = (code: number): boolean => code === 401;

test("a token: 401 with an empty body, and the certificate of the same SAE goes on", async () => {
  expect(await byToken("sae-a", STATUS_OF_C)).toBe(200);
  const file = join(network.state, "sae-a.token");
  writeFileSync(file, `${network.tokens["sae-a"]}\n`, { mode: 0o600 });
  const result = await qkd(network, "revoke", "token", `@${file}`, "--reason", "found in a chat");
  expect(result).toMatchObject({ code: 0, out: expect.stringMatching(/^revoked token [0-9a-f]{64}/) });
  expect(result.out + result.err).not.toContain(network.tokens["sae-a"]);
  await eventually(() => byToken("sae-a", STATUS_OF_C), refused, WITHIN_MS);
  expect(await (await network.fetch(STATUS_OF_C, "sae-a")).text()).toBe("");
  expect(await byCertificate("tn-1", "sae-a", STATUS_OF_C)).toBe(200);
});

test("a certificate: also on a connection that was open before", async () => {
  const { ca, cert, key } = network.tls("sae-c");
  const agent = new https.Agent({ ca, cert, key, keepAlive: true, maxSockets: 1 });
  const onOpenConnection = async (): Promise<number> =>
    (await httpsRequest(`${network.kme["tn-2"]}${STATUS_OF_A}`, { agent })).status;
  try {
    expect(await onOpenConnection()).toBe(200);
    const result = await qkd(network, "revoke", "certificate", `@${join(network.state, "certs", "sae-c.crt")}`);
    expect(result.code).toBe(0);
    await eventually(onOpenConnection, refused, WITHIN_MS);
    expect(await byCertificate("tn-2", "sae-c", STATUS_OF_A)).toBe(401);
    expect(await byToken("sae-c", STATUS_OF_A)).toBe(200);
  } finally {
    agent.destroy();
  }
});

test("a principal: by whatever credential", async () => {
  expect(await byToken("sae-a2", STATUS_OF_C)).toBe(200);
  expect((await qkd(network, "revoke", "principal", "sae:sae-a2")).code).toBe(0);
  await eventually(() => byToken("sae-a2", STATUS_OF_C), refused, WITHIN_MS);
  expect(await byCertificate("tn-1", "sae-a2", STATUS_OF_C)).toBe(401);
});

test("no document un-revokes, an older one no more than a new one", async () => {
  const { version } = await readNetwork(network);
  await changeNetwork(network, (document) => ({ ...document, name: "later" }));
  expect((await qkd(network, "network", "rollback", String(version))).code).toBe(0);
  // Past the age of every copy of the network.
  await new Promise((resolve) => setTimeout(resolve, WITHIN_MS));
  expect(await byToken("sae-a", STATUS_OF_C)).toBe(401);
  expect(await byCertificate("tn-2", "sae-c", STATUS_OF_A)).toBe(401);
  expect(await byToken("sae-a2", STATUS_OF_C)).toBe(401);
});

test("the list tells what, why and by whom; revoking again changes nothing", async () => {
  const list = async () => JSON.parse((await qkd(network, "revocations", "--json")).out) as { revocations: object[] };
  const before = await list();
  expect(before.revocations).toMatchObject([
    { kind: "token", reason: "found in a chat", by: "operator:operator" },
    { kind: "certificate" },
    { kind: "principal", value: "sae:sae-a2" },
  ]);
  expect((await qkd(network, "revoke", "principal", "sae:sae-a2", "--reason", "again")).code).toBe(0);
  expect(await list()).toEqual(before);
});

test("what cannot be revoked is refused by name", async () => {
  for (const [kind, value] of [
    ["token", "abc"],
    ["certificate", "0".repeat(63)],
    ["principal", "sae-a"],
  ] as const) {
    const result = await qkd(network, "revoke", kind, value);
    expect([kind, result.code, result.err]).toEqual([kind, 1, expect.stringContaining("value")]);
  }
  expect((await qkd(network, "revoke", "tokens", "x")).err).toContain('Did you mean "token"?');
});
