/** Part 1: transport and identity (clause 5.1), over real sockets. */
import { once } from "node:events";
import { createServer, Agent } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectKeys, expectStatus } from "./expect.ts";
import { type Identity, type KmeCall, KmeClient } from "./kme-client.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

const DAY_MS = 24 * 3600 * 1000;

const NO_CONNECTION = expect.stringMatching(/^(ERR_SSL|ECONNRESET|EPIPE|EPROTO)/);

/** The status code of GET status as somebody; the error's code where the TLS or TCP connection fails. */
async function attempt(identity: Identity, tls?: KmeCall["tls"]): Promise<number | string> {
  const client = new KmeClient(() => rig.kme1, rig.ca, identity);
  try {
    return (await client.call(`/${rig.B}/status`, tls === undefined ? {} : { tls })).status;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function tlsConnect(identity: Identity, session?: Buffer): TLSSocket {
  const { hostname, port } = new URL(rig.kme1);
  return connect({
    host: hostname,
    port: Number(port),
    ca: rig.ca,
    ...identity,
    ...(session === undefined ? {} : { session }),
  });
}

/** GET status over a socket that is already there; the answer as text, empty where the server closed. */
async function statusOver(socket: TLSSocket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => (text += chunk));
  socket.on("error", () => undefined);
  socket.write(`GET /api/v1/keys/${rig.B}/status HTTP/1.1\r\nHost: kme\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

describe("ETSI 014 part 1: transport and identity", () => {
  test("014-T01 plain HTTP to the port gives nothing", async () => {
    const { hostname, port } = new URL(rig.kme1);
    const socket = connectPlain({ host: hostname, port: Number(port) });
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("error", () => undefined);
    socket.write(`GET /api/v1/keys/${rig.B}/enc_keys HTTP/1.1\r\nHost: kme\r\n\r\n`);
    await once(socket, "close");
    expect(text).not.toMatch(/HTTP\/1\.1 2|key_ID/);
  });

  test("014-T02 no client certificate: the handshake fails", async () => {
    expect(await attempt({})).toEqual(NO_CONNECTION);
  });

  test("014-T03 a certificate of another CA, even with a known name: the handshake fails", async () => {
    expect(await attempt(await rig.foreign(rig.A))).toEqual(NO_CONNECTION);
  });

  test("014-T04 TLS 1.1 at most: the server refuses the version", async () => {
    const tls = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await expect(rig.a.call(`/${rig.B}/status`, { tls })).rejects.toThrow(/alert protocol version/);
  });

  test("014-T05 TLS 1.2 only, and 1.3 only: both work", async () => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      expect(await attempt(rig.identity(rig.A), { minVersion: version, maxVersion: version })).toBe(200);
    }
  });

  test("014-T06 the right CA, but an SAE nobody knows: 401", async () => {
    expect(await attempt(await rig.issue("sae-nobody-knows"))).toBe(401);
  });

  test("014-T07 an expired certificate: the handshake fails", async () => {
    const expired = await rig.issue(rig.A, {
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    });
    expect(await attempt(expired)).toEqual(NO_CONNECTION);
  });

  test("014-T08 a client that checks the KME's certificate sends nothing to a wrong one", async () => {
    let requests = 0;
    const impostor = createServer(await rig.foreign("localhost"), (_request, response) => {
      requests++;
      response.end("{}");
    });
    impostor.listen(0, "127.0.0.1");
    await once(impostor, "listening");
    const { port } = impostor.address() as AddressInfo;
    const client = new KmeClient(() => `https://127.0.0.1:${port}`, rig.ca, rig.identity(rig.A));
    await expect(client.call(`/${rig.B}/enc_keys`)).rejects.toThrow(/certificate/);
    expect(requests).toBe(0);
    impostor.close();
  });

  test("014-T09 two requests on one connection are of the same SAE", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = expectStatus(await rig.a.call(`/${rig.B}/status`, { agent }));
    expectKeys(await rig.a.call(`/${rig.B}/enc_keys`, { agent }), 1);
    const second = expectStatus(await rig.a.call(`/${rig.B}/status`, { agent }));
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    expect([first.master_SAE_ID, second.master_SAE_ID]).toEqual([rig.A, rig.A]);
    agent.destroy();
  });

  test("014-T10 another client's TLS session brings no identity along", async () => {
    const sessions: Buffer[] = [];
    const owner = tlsConnect(rig.identity(rig.A));
    owner.on("session", (session) => sessions.push(session));
    expect(await statusOver(owner)).toContain(`"master_SAE_ID":"${rig.A}"`);
    const own = owner.getSession();
    if (own !== undefined) sessions.push(own);
    for (const session of sessions) {
      const nobody = tlsConnect({}, session);
      expect(await statusOver(nobody)).not.toContain("master_SAE_ID");
      const other = tlsConnect(rig.identity(rig.sameNode), session);
      expect(await statusOver(other)).not.toContain(`"master_SAE_ID":"${rig.A}"`);
    }
    expect(sessions.length).toBeGreaterThan(0);
  });

  test("014-T11, 014-T12 answers are JSON in UTF-8, never to be stored", async () => {
    for (const path of [`/${rig.B}/status`, `/${rig.B}/enc_keys`]) {
      const answer = await rig.a.call(path);
      expect(answer.headers["content-type"]).toMatch(/^application\/json/);
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.json).toBeTypeOf("object");
    }
  });

  test("an SAE is served by the KME of its own site only", async () => {
    const elsewhere = new KmeClient(() => rig.kme2, rig.ca, rig.identity(rig.A));
    expect((await elsewhere.call(`/${rig.B}/status`)).status).toBe(401);
  });
});
