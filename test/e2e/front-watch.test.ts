/** Connections whose certificate no longer counts, and more of them than one may have: real sockets, a stand-in edge. */
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Issued } from "../../pki/authority.ts";
import { LIMITS } from "../../shared/limits.ts";
import { createCarrier, type Carrier } from "../../tunnel/services/etsi014-tls/carrier.ts";
import { type Front, startFront } from "../../tunnel/services/etsi014-tls/front.ts";
import { createLoad } from "../../tunnel/services/etsi014-tls/load.ts";
import { type FrontBench, httpsRequest, startFrontBench } from "../support/front-bench.ts";

/** Knows everybody but some, and answers `/held` never. */
const edge = { sequence: 1, refused: new Set<string>(), inTrouble: false, held: [] as http.IncomingMessage[] };
const engine = http.createServer((req, res) => {
  const { tlsClientAuth } = JSON.parse(String(req.headers["x-cf-blob"])) as { tlsClientAuth: Record<string, string> };
  if (req.url === "/held") edge.held.push(req);
  else if (req.url !== "/api/v1/whoami") res.end("ok");
  else if (edge.inTrouble) res.writeHead(503).end();
  else if (edge.refused.has(tlsClientAuth["certSubjectDNRFC2253"] ?? "")) res.writeHead(401).end();
  else res.end(JSON.stringify({ role: "sae", sequence: edge.sequence }));
});

let bench: FrontBench;
let carrier: Carrier;
let front: Front;
let logged: string[];
let saeA: Issued;
let saeC: Issued;
beforeEach(async () => {
  Object.assign(edge, { sequence: 1, refused: new Set(), inTrouble: false, held: [] });
  bench = await startFrontBench();
  [saeA, saeC] = await Promise.all([bench.client("sae-a"), bench.client("sae-c")]);
  const path = join(bench.directory, "edge.sock");
  await new Promise<void>((resolve) => engine.listen(path, resolve));
  const load = createLoad({
    connectionsPerCertificate: 4,
    requestsPerCertificate: LIMITS.frontRequests,
    bufferedBytes: 8192,
  });
  carrier = { ...createCarrier({ type: "unix", path }), load };
  logged = [];
  front = await startFront(bench.config, carrier, (_level, event, { reason } = {}) => {
    logged.push(`${event}: ${String(reason)}`);
  });
});
afterEach(async () => {
  await front.close();
  carrier.close();
  engine.closeAllConnections();
  await new Promise((resolve) => engine.close(resolve));
  await bench.stop();
});

/** A connection that has been served once, and its end. */
async function connect(who: Issued): Promise<{ socket: TLSSocket; closed: Promise<void> }> {
  const socket = connectTls({ host: "127.0.0.1", port: Number(new URL(front.url).port), ...bench.tlsOf(who) });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  return { socket, closed };
}
const revoke = (subject: string): void => {
  edge.refused.add(subject);
  edge.sequence += 1;
};
const looksDone = async (): Promise<void> => {
  for (let looks = 0; looks < 3; looks++) await carrier.watch.look();
};

describe("a certificate that no longer counts", () => {
  it("loses its connections, idle or busy, while others keep theirs", async () => {
    const [idle, busy, other] = [await connect(saeA), await connect(saeA), await connect(saeC)];
    busy.socket.write("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect.poll(() => edge.held.length).toBe(1);
    const upstreamClosed = new Promise((resolve) => edge.held[0]!.socket.once("close", resolve));
    await looksDone();
    expect([idle, busy, other].map(({ socket }) => socket.closed)).toEqual([false, false, false]);

    revoke("CN=sae-a");
    await Promise.all([idle.closed, busy.closed, upstreamClosed]);
    await looksDone();
    expect(other.socket.closed).toBe(false);
    expect(logged).toContain("connection-closed: the certificate no longer counts");
    other.socket.destroy();
  });

  it("is noticed while every other way to the edge is taken", async () => {
    const busy = await connect(saeA);
    busy.socket.write("GET /held HTTP/1.1\r\nHost: x\r\n\r\n".repeat(LIMITS.frontRequests));
    await expect.poll(() => edge.held.length, { timeout: 10_000 }).toBe(LIMITS.frontRequests);
    revoke("CN=sae-a");
    await busy.closed;
  });

  it("is not to be told from one of an edge in trouble, or of one that is gone: nothing is closed", async () => {
    const { socket, closed } = await connect(saeA);
    await looksDone();
    edge.inTrouble = true;
    revoke("CN=sae-a");
    await looksDone();
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
    await looksDone();
    expect(socket.closed).toBe(false);
    edge.inTrouble = false;
    await new Promise<void>((resolve) => engine.listen(join(bench.directory, "edge.sock"), resolve));
    await closed;
  });

  it("that never counted still gets its first answer", async () => {
    revoke("CN=sae-a");
    const { closed } = await connect(saeA);
    await closed;
  });
});

describe("connections of one certificate", () => {
  it("are taken up to a bound; one more is told so and closed, and room is made by closing", async () => {
    const open = await Promise.all(Array.from({ length: 4 }, () => connect(saeA)));
    const ask = async (who: Issued) => await httpsRequest(`${front.url}/x`, { ...bench.tlsOf(who), agent: false });
    const refused = await ask(saeA);
    expect([refused.status, refused.headers["retry-after"], refused.headers.connection]).toEqual([503, "1", "close"]);
    expect(JSON.parse(refused.body)).toEqual({ message: "this certificate has as many connections open as it may" });
    expect(logged).toContain("connection-refused: one more than a certificate may have");
    expect((await ask(saeC)).status).toBe(200);

    const silent = connectTls({ host: "127.0.0.1", port: Number(new URL(front.url).port), ...bench.tlsOf(saeA) });
    await new Promise((resolve) => silent.once("close", resolve).on("error", () => {}));

    open[0]!.socket.destroy();
    await expect.poll(async () => (await ask(saeA)).status).toBe(200);
    for (const { socket } of open) socket.destroy();
  });

  it("keep their keep-alive: an agent of connections below the bound is served without a new handshake", async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 4 });
    for (let round = 0; round < 3; round++)
      await Promise.all(
        Array.from({ length: 8 }, () => httpsRequest(`${front.url}/x`, { ...bench.tlsOf(saeA), agent })),
      );
    expect(logged).toEqual([]);
    agent.destroy();
  });
});
