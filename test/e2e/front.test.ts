/** The KME front over real TLS sockets, before a stand-in for the engine. */
import { rename, writeFile } from "node:fs/promises";
import https from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuthority, issue, type Issued } from "../../pki/authority.ts";
import { issueCrl } from "../../pki/crl.ts";
import { type FrontBench, httpsRequest, type Seen, startFrontBench } from "../support/front-bench.ts";
import { listenLocally } from "../support/listen-locally.ts";

let bench: FrontBench;
let saeA: Issued;
let saeC: Issued;
beforeAll(async () => {
  bench = await startFrontBench();
  [saeA, saeC] = await Promise.all([bench.client("sae-a"), bench.client("sae-c")]);
});
afterAll(() => bench.stop());

const ca = (): string => bench.authority.certificate.toString("pem");
const url = (path: string): string => bench.front.url + path;

async function seen(who: Issued, more: https.RequestOptions = {}, path = "/x", body?: string | Buffer): Promise<Seen> {
  const answer = await httpsRequest(url(path), bench.as(who, more), body);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as Seen;
}
const blobOf = (what: Seen): { tlsClientAuth: Record<string, string>; qkd: { node: string } } =>
  JSON.parse(String(what.headers["x-cf-blob"]));
const subjectOf = (what: Seen): string | undefined => blobOf(what).tlsClientAuth["certSubjectDNRFC2253"];

/** A TLS connection, handshake done and not refused: TLS 1.3 tells a client of a refusal only afterwards. */
function tls(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port: Number(new URL(bench.front.url).port), ca: ca(), ...options });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed")));
    socket.once("secureConnect", () => {
      socket.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
      socket.once("data", () => resolve(socket));
    });
  });
}

const replace = async (name: string, text: string): Promise<void> => {
  await writeFile(join(bench.directory, `${name}.new`), text);
  await rename(join(bench.directory, `${name}.new`), join(bench.directory, name));
};
const peerName = async (): Promise<string | string[] | undefined> => {
  const socket = await tls({ cert: saeA.certificate, key: saeA.key });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN;
};

/** By an alert, or by hanging up before the handshake is over. */
const REFUSED = /alert|disconnected before secure TLS connection/;

/** Why a handshake is refused. TLS 1.2, where the client hears of it before it believes the connection to stand. */
function refusal(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const port = Number(new URL(bench.front.url).port);
    const socket = connectTls({ host: "127.0.0.1", port, ca: ca(), maxVersion: "TLSv1.2", ...options });
    socket.on("error", (error) => resolve(error.message));
    socket.on("secureConnect", () => reject(new Error("the handshake was not refused")));
  });
}
const credentials = (who: Issued): ConnectionOptions => ({ cert: who.certificate, key: who.key });

describe("who is let in", () => {
  it("passes on the verified certificate, the node and when its own certificate ends, nothing else", async () => {
    const got = blobOf(await seen(saeA));
    expect(got.qkd).toEqual({
      node: "tn-1",
      own: {
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        notBeforeMs: expect.any(Number) as number,
        notAfterMs: expect.any(Number) as number,
      },
    });
    expect(got.tlsClientAuth).toMatchObject({
      certPresented: "1",
      certVerified: "SUCCESS",
      certRevoked: "0",
      certSubjectDNRFC2253: "CN=sae-a",
    });
    expect(got.tlsClientAuth["certFingerprintSHA256"]).toMatch(/^[0-9a-f]{64}$/);
    expect(got.tlsClientAuth["certRFC9440"]).toMatch(/^:[A-Za-z0-9+/=]+:$/);
  });

  it("escapes subjects so that a CN cannot pass for two", async () => {
    const odd = await bench.client("sae-a,CN=sae-c\n+ é");
    expect(subjectOf(await seen(odd))).toBe("CN=sae-a\\,CN=sae-c\\0A\\+ é");
  });

  it("refuses a connection without a certificate", async () => {
    expect(await refusal({})).toMatch(REFUSED);
    await expect(httpsRequest(url("/x"), { ca: ca(), agent: false })).rejects.toThrow();
  });

  it("refuses a certificate of another authority", async () => {
    const stranger = await issue(await createAuthority("bench CA"), { commonName: "sae-a", usage: "client" });
    expect(await refusal(credentials(stranger))).toMatch(REFUSED);
    await expect(httpsRequest(url("/x"), bench.as(stranger))).rejects.toThrow();
  });

  it("refuses an expired certificate and one not yet good", async () => {
    const hour = 3_600_000;
    const expired = await bench.client("sae-a", {
      notBefore: new Date(Date.now() - 2 * hour),
      notAfter: new Date(Date.now() - hour),
    });
    const early = await bench.client("sae-a", { notBefore: new Date(Date.now() + hour) });
    expect(await refusal(credentials(expired))).toMatch(REFUSED);
    await expect(httpsRequest(url("/x"), bench.as(expired))).rejects.toThrow();
    expect(await refusal(credentials(early))).toMatch(REFUSED);
    await expect(httpsRequest(url("/x"), bench.as(early))).rejects.toThrow();
  });

  it("drops a request on a connection whose certificate ran out meanwhile", async () => {
    const brief = await bench.client("sae-a", { notAfter: new Date(Date.now() + 3000) });
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    await seen(brief, { agent });
    await new Promise((resolve) => setTimeout(resolve, 3100));
    await expect(httpsRequest(url("/x"), bench.as(brief, { agent }))).rejects.toThrow();
    agent.destroy();
  });

  it("tells each connection's own caller on keep-alive connections", async () => {
    const agents = [
      new https.Agent({ keepAlive: true, maxSockets: 1 }),
      new https.Agent({ keepAlive: true, maxSockets: 1 }),
    ] as const;
    for (let round = 0; round < 3; round++) {
      expect(subjectOf(await seen(saeA, { agent: agents[0] }))).toBe("CN=sae-a");
      expect(subjectOf(await seen(saeC, { agent: agents[1] }))).toBe("CN=sae-c");
    }
    for (const agent of agents) agent.destroy();
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("resumes no session in %s, so no identity is inherited", async (version) => {
    const options = { cert: saeA.certificate, key: saeA.key, minVersion: version, maxVersion: version };
    const sessions: Buffer[] = [];
    const first = await new Promise<TLSSocket>((resolve, reject) => {
      const socket = connectTls(
        { host: "127.0.0.1", port: Number(new URL(bench.front.url).port), ca: ca(), ...options },
        () => resolve(socket),
      );
      socket.on("session", (session) => sessions.push(session)).on("error", reject);
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const session = sessions.at(-1) ?? first.getSession();
    first.destroy();
    const again = await tls({ ...options, session });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
    // Without a certificate the ticket is worth nothing.
    await expect(tls({ session, minVersion: version, maxVersion: version })).rejects.toThrow();
  });
});

describe("TLS", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)("speaks %s", async (version) => {
    const socket = await tls({ cert: saeA.certificate, key: saeA.key, minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  });

  it("refuses TLS 1.1, even of a client that lowers its own guard", async () => {
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await expect(tls({ cert: saeA.certificate, key: saeA.key, ...old })).rejects.toThrow(/alert protocol version/);
  });

  it.each(["X25519MLKEM768", "X25519", "prime256v1"])(
    "agrees on %s with a client that offers only that",
    async (group) => {
      const socket = await tls({ cert: saeA.certificate, key: saeA.key, minVersion: "TLSv1.3", ecdhCurve: group });
      socket.destroy();
    },
  );

  it("answers plain HTTP with nothing", async () => {
    const port = Number(new URL(bench.front.url).port);
    const got = await new Promise<string>((resolve) => {
      const socket = connectTcp(port, "127.0.0.1", () => socket.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"));
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      socket.on("error", () => {});
      socket.on("close", () => resolve(text));
    });
    expect(got).not.toMatch(/HTTP\/1\.1 2/);
  });
});

describe("what goes through", () => {
  it("drops headers that could forge who calls, and those between two hops", async () => {
    const forged = {
      "X-Cf-Blob": '{"tlsClientAuth":{"certVerified":"SUCCESS"}}',
      "MF-CF-Blob": "{}",
      "CF-Connecting-IP": "1.2.3.4",
      "Client-Cert": ":AAAA:",
      "Client-Cert-Chain": ":AAAA:",
      "QKD-Node": "tn-9",
      Authorization: "Bearer x",
      Cookie: "a=b",
      "X-Forwarded-For": "1.2.3.4",
      "X-Hop": "1",
      TE: "trailers",
      Connection: "close, X-Hop",
      "Idempotency-Key": "kept",
      "If-Match": '"3"',
    };
    const { headers } = await seen(saeC, { headers: forged });
    expect(headers).toMatchObject({ "idempotency-key": "kept", "if-match": '"3"', connection: "keep-alive" });
    expect(JSON.parse(String(headers["x-cf-blob"]))).toMatchObject({
      tlsClientAuth: { certSubjectDNRFC2253: "CN=sae-c" },
    });
    for (const gone of Object.keys(forged).slice(1, 11)) expect(headers, gone).not.toHaveProperty(gone.toLowerCase());
  });

  it("streams bodies, framed by length or chunked, on any method", async () => {
    const body = Buffer.alloc(3 * 1024 * 1024, 7);
    expect(await seen(saeA, { method: "POST" }, "/b?q=1", body)).toMatchObject({
      method: "POST",
      url: "/b?q=1",
      bodyBytes: body.length,
    });
    const chunked = { method: "DELETE", headers: { "transfer-encoding": "chunked" } };
    expect(await seen(saeA, chunked, "/c", "hello")).toMatchObject({ method: "DELETE", bodyBytes: 5 });
  });

  it("refuses a body over the bound with 413, announced or not", async () => {
    const body = Buffer.alloc(9 * 1024 * 1024);
    const announced = await httpsRequest(
      url("/b"),
      bench.as(saeA, { method: "POST", headers: { "content-length": body.length } }),
      body,
    );
    expect([announced.status, JSON.parse(announced.body)]).toEqual([
      413,
      { message: "the body is larger than 8388608 bytes" },
    ]);
    const chunked = await httpsRequest(
      url("/b"),
      bench.as(saeA, { method: "POST", headers: { "transfer-encoding": "chunked" } }),
      body,
    );
    expect(chunked.status).toBe(413);
  });

  it("refuses a flood of headers with 431 and goes on serving", async () => {
    const answer = await httpsRequest(url("/x"), bench.as(saeA, { headers: { "x-flood": "a".repeat(20_000) } }));
    expect([answer.status, answer.headers["content-type"]]).toEqual([431, "application/json"]);
    expect(JSON.parse(answer.body)).toHaveProperty("message");
    await seen(saeA);
  });

  it("refuses a target that is no path, and broken HTTP, with 400", async () => {
    for (const request of ["GET http://elsewhere/x HTTP/1.1\r\nHost: x\r\n\r\n", "GET /x HTTP/9.9\r\n\r\n"]) {
      const socket = await tls({ cert: saeA.certificate, key: saeA.key });
      const answer = new Promise<string>((resolve) => socket.on("data", (chunk: Buffer) => resolve(chunk.toString())));
      socket.write(request);
      expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
      socket.destroy();
    }
  });
});

describe("certificates that change", () => {
  it("takes a new server certificate without dropping connections, and keeps what works when a file is broken", async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    await seen(saeA, { agent });
    const before = await tls({ cert: saeA.certificate, key: saeA.key });

    const next = await issue(bench.authority, {
      commonName: "tn-1-next",
      usage: "server",
      sans: [{ type: "ip", value: "127.0.0.1" }],
    });
    await replace("tn-1.key", next.key);
    await replace("tn-1.crt", next.certificate);
    await expect.poll(async () => peerName(), { timeout: 5000 }).toBe("tn-1-next");
    expect(before.destroyed).toBe(false);
    expect(subjectOf(await seen(saeA, { agent }))).toBe("CN=sae-a");

    await replace("tn-1.crt", "not a certificate");
    await expect
      .poll(() => bench.logged.filter(({ event }) => event === "certificates-kept").length, { timeout: 5000 })
      .toBeGreaterThan(0);
    expect(await peerName()).toBe("tn-1-next");
    await replace("tn-1.crt", next.certificate);
    before.destroy();
    agent.destroy();
  });

  it("honours a CRL that appears: refuses new connections, closes the open one, keeps the others, outlives its file", async () => {
    const doomed = await bench.client("sae-doomed");
    const open = await tls({ cert: doomed.certificate, key: doomed.key });
    const other = await tls({ cert: saeC.certificate, key: saeC.key });
    const closed = new Promise((resolve) => open.once("close", resolve));
    const { serialNumber } = doomed;
    await replace("ca.crl", await issueCrl(bench.authority, [{ serialNumber, revokedAt: new Date() }]));
    await closed;
    expect(await refusal(credentials(doomed))).toMatch(REFUSED);
    await expect(httpsRequest(url("/x"), bench.as(doomed))).rejects.toThrow();
    await seen(saeA);
    expect(other.destroyed).toBe(false);

    await replace("ca.crl", "rubbish");
    await bench.front.reload();
    expect(await refusal(credentials(doomed))).toMatch(REFUSED);
    await rename(join(bench.directory, "ca.crl"), join(bench.directory, "gone.crl"));
    await bench.front.reload();
    expect(await refusal(credentials(doomed))).toMatch(REFUSED);
    await seen(saeA);
    other.destroy();
  });
});

describe("the way to the edge", () => {
  it("answers 503 with an Error object while nothing is there", async () => {
    const lonely = await startFrontBench((_socket, directory) => ({
      type: "unix",
      path: join(directory, "nobody.sock"),
    }));
    const who = await lonely.client("sae-a");
    const answer = await httpsRequest(`${lonely.front.url}/x`, lonely.as(who));
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(JSON.parse(answer.body)).toEqual({ message: "the key manager behind this KME does not answer" });
    await lonely.stop();
  });

  it("asserts the caller with the agent's own token where the edge is remote", async () => {
    const far = await startFrontBench();
    await new Promise<void>((resolve) => far.engine.close(() => resolve()));
    const edge = `http://127.0.0.1:${await listenLocally(far.engine)}`;
    const tokenFile = join(far.directory, "agent.token");
    await writeFile(tokenFile, "agent-token\n");
    const near = await startFrontBench(() => ({ type: "edge", url: edge, token_file: tokenFile }));
    const who = await near.client("sae-a");
    const forged = { Authorization: "Bearer mine", "Client-Cert": ":AAAA:", "QKD-Node": "tn-9" };
    const options = near.as(who, { headers: forged });
    const { headers } = JSON.parse((await httpsRequest(`${near.front.url}/x`, options)).body) as Seen;
    expect(headers).toMatchObject({
      authorization: "Bearer agent-token",
      "qkd-node": "tn-1",
      host: edge.slice("http://".length),
    });
    expect(headers["client-cert"]).toBe(
      `:${Buffer.from(who.certificate.replaceAll(/-----[^-]+-----|\s/g, ""), "base64").toString("base64")}:`,
    );
    expect(headers).not.toHaveProperty("x-cf-blob");
    await near.stop();
    await far.stop();
  });

  it("takes no plain HTTP to an edge elsewhere", async () => {
    await expect(
      startFrontBench(() => ({ type: "edge", url: "http://edge.example", token_file: "/dev/null" })),
    ).rejects.toThrow(/neither https nor on this machine/);
  });
});
