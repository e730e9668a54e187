/** What is revoked stays out: within a second, on open connections too, and whatever document is restored. */
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { createCarrier } from "../../tunnel/services/etsi014-tls/carrier.ts";
import { startFront } from "../../tunnel/services/etsi014-tls/front.ts";
import { changeNetwork, eventually, qkd, readNetwork } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const WITHIN_MS = 2000;
/** What is promised of open connections, from the answer to the revocation on (docs/authentication.md). */
const PROMISE_MS = 1000;
/** For this process and those of the network to get their turn on a busy machine. */
const SCHEDULING_MS = 2000;
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

/** A connection to a KME that has been served once; `closed` resolves with when it closed. */
async function connect(kme: string, sae: string): Promise<{ socket: TLSSocket; closed: Promise<number> }> {
  const { hostname: host, port } = new URL(kme);
  const { ca, cert, key } = network.tls(sae);
  const socket = connectTls({ host, port: Number(port), ca: ca!, cert: cert!, key: key! });
  const closed = new Promise<number>((resolve) => socket.once("close", () => resolve(performance.now())));
  socket.on("error", () => {});
  socket.write(`GET ${sae === "sae-c" ? STATUS_OF_A : STATUS_OF_C} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
  return { socket, closed };
}
/** @returns when it was acknowledged */
async function revoke(kind: string, value: string): Promise<number> {
  const body = JSON.stringify({ kind, value });
  expect((await network.fetch("/api/v1/revocations", "operator", { method: "POST", body })).status).toBe(201);
  return performance.now();
}
const closedInTime = async (connections: readonly { closed: Promise<number> }[], sinceMs: number): Promise<void> => {
  for (const { closed } of connections) expect((await closed) - sinceMs).toBeLessThan(PROMISE_MS + SCHEDULING_MS);
};

test("a certificate: its connections close within a second, idle or busy, and nobody else's", async () => {
  const [tn1, tn2] = [network.kme["tn-1"]!, network.kme["tn-2"]!];
  const [idle, busy] = [await connect(tn2, "sae-c"), await connect(tn2, "sae-c")];
  busy.socket.write("POST /api/v1/keys/sae-a/enc_keys HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{");
  const others = [await connect(tn1, "sae-a"), await connect(tn2, "sae-c2")];

  const certificate = new X509Certificate(network.tls("sae-c").cert as Buffer);
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  await closedInTime([idle, busy], await revoke("certificate", fingerprint));
  expect(others.map(({ socket }) => socket.closed)).toEqual([false, false]);
  for (const { socket } of others) socket.destroy();

  expect(await byCertificate("tn-2", "sae-c", STATUS_OF_A)).toBe(401);
  expect(await byToken("sae-c", STATUS_OF_A)).toBe(200);
  const again = await qkd(network, "revoke", "certificate", `@${join(network.state, "certs", "sae-c.crt")}`);
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining(fingerprint) });
});

test("a principal: by whatever credential, on open connections too", async () => {
  expect(await byToken("sae-a2", STATUS_OF_C)).toBe(200);
  const open = await connect(network.kme["tn-1"]!, "sae-a2");
  await closedInTime([open], await revoke("principal", "sae:sae-a2"));
  await eventually(() => byToken("sae-a2", STATUS_OF_C), refused, WITHIN_MS);
  expect(await byCertificate("tn-1", "sae-a2", STATUS_OF_C)).toBe(401);
});

test("an agent's token: the connections it vouches for close, those of other ways stay", async () => {
  const certs = join(network.state, "certs");
  const tokenFile = join(network.state, "agent.token");
  writeFileSync(tokenFile, network.tokens["agent-tn-1"]!, { mode: 0o600 });
  const carrier = createCarrier({ type: "edge", url: network.edge, token_file: tokenFile });
  const [cert, key, ca] = ["tn-1.crt", "tn-1.key", "ca.crt"].map((name) => join(certs, name));
  const config = { node: "tn-1", host: "127.0.0.1", port: 0, cert: cert!, key: key!, ca: ca! };
  const front = await startFront(config, carrier, () => {});
  try {
    const [vouchedFor, other] = [await connect(front.url, "sae-a"), await connect(network.kme["tn-1"]!, "sae-a")];
    await closedInTime([vouchedFor], await revoke("token", tokenSha256(network.tokens["agent-tn-1"]!)));
    expect(other.socket.closed).toBe(false);
    other.socket.destroy();
  } finally {
    await front.close();
    carrier.close();
  }
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
    { kind: "token" },
  ]);
  expect((await qkd(network, "revoke", "principal", "sae:sae-a2", "--reason", "again")).code).toBe(0);
  expect(await list()).toEqual(before);
});

test("what cannot be revoked is refused by name", async () => {
  for (const [kind, value, words] of [
    ["token", "abc", "this is no SHA-256"],
    ["certificate", "0".repeat(63), "value"],
    ["principal", "sae-a", "value"],
  ] as const) {
    const result = await qkd(network, "revoke", kind, value);
    expect([kind, result.code, result.err]).toEqual([kind, 1, expect.stringContaining(words)]);
  }
  expect((await qkd(network, "revoke", "tokens", "x")).err).toContain('Did you mean "token"?');
});
