/** How much of a KME front one client can take: real sockets, before a stand-in for the engine. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import http from "node:http";
import https from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Issued } from "../../pki/authority.ts";
import { LIMITS } from "../../shared/limits.ts";
import { createCarrier } from "../../tunnel/services/etsi014-tls/carrier.ts";
import { type Front, startFront } from "../../tunnel/services/etsi014-tls/front.ts";
import { createLoad, type Load } from "../../tunnel/services/etsi014-tls/load.ts";
import { type FrontBench, httpsRequest, type Seen, startFrontBench } from "../support/front-bench.ts";

let bench: FrontBench;
let saeA: Issued;
let saeC: Issued;
beforeAll(async () => {
  bench = await startFrontBench();
  [saeA, saeC] = await Promise.all([bench.client("sae-a"), bench.client("sae-c")]);
});
afterAll(() => bench.stop());

const portOf = (front: Front): number => Number(new URL(front.url).port);

/** Fronts of one carrier, as in one process. */
async function withFronts(
  count: number,
  more: { load?: Load; handshake_ms?: number; engine?: string },
  use: (...fronts: Front[]) => Promise<void>,
): Promise<void> {
  const { load, handshake_ms, engine = "engine.sock" } = more;
  const opened = createCarrier({ type: "unix", path: join(bench.directory, engine) });
  const carrier = load === undefined ? opened : { ...opened, load };
  const config = handshake_ms === undefined ? bench.config : { ...bench.config, handshake_ms };
  const fronts = await Promise.all(Array.from({ length: count }, () => startFront(config, carrier, () => {})));
  try {
    await use(...fronts);
  } finally {
    await Promise.all(fronts.map((front) => front.close()));
    carrier.close();
  }
}
const ask = (front: Front, who: Issued, path = "/x", body?: Buffer): ReturnType<typeof httpsRequest> => {
  const options = { method: body === undefined ? "GET" : "POST", signal: AbortSignal.timeout(10_000) };
  return httpsRequest(front.url + path, bench.as(who, options), body);
};
const statusOf = async (...asked: Parameters<typeof ask>): Promise<number> => (await ask(...asked)).status;

describe("what one client can take from the others", () => {
  const ENC = "/api/v1/keys/sae-c/enc_keys";

  /** A POST that announces more than it sends, and what it has been answered so far. */
  function halfSent(front: Front, who: Issued, sent: Buffer): { request: http.ClientRequest; status: number } {
    const headers = { "content-length": sent.length + 1 };
    const request = https.request(front.url + ENC, bench.as(who, { method: "POST", headers }));
    const upload = { request, status: 0 };
    request.on("error", () => {});
    request.on("response", (answer) => {
      upload.status = answer.statusCode ?? 0;
      answer.resume();
    });
    request.write(sent);
    return upload;
  }

  it("lets go of connections on which no handshake comes, so that new ones find room", () =>
    withFronts(1, { handshake_ms: 1000 }, async (front) => {
      const idle: Socket[] = [];
      // In portions that fit a listener's backlog.
      while (idle.length < LIMITS.frontConnections) {
        const portion = Array.from({ length: 256 }, () => connectTcp(portOf(front), "127.0.0.1"));
        await Promise.all(portion.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
        for (const socket of portion) socket.on("error", () => {}).resume();
        idle.push(...portion);
      }
      try {
        await expect.poll(() => idle.filter(({ closed }) => !closed).length, { timeout: 5000 }).toBe(0);
        expect(await statusOf(front, saeA)).toBe(200);
      } finally {
        for (const socket of idle) socket.destroy();
      }
    }));

  it("hangs up on a client that sent broken HTTP and does not hang up itself", async () => {
    let served: Socket | undefined;
    const note = (message: unknown): void => void ({ socket: served } = message as { socket: Socket });
    subscribe("net.server.socket", note);
    const options = { host: "127.0.0.1", port: portOf(bench.front), ...bench.tlsOf(saeA), allowHalfOpen: true };
    const socket = connectTls(options);
    socket.on("error", () => {}).resume();
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    unsubscribe("net.server.socket", note);
    expect(served!.remotePort).toBe(socket.localPort);
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.write("GET /x HTTP/9.9\r\n\r\n");
    await ended;
    await expect.poll(() => served!.closed, { timeout: 5000 }).toBe(true);
    socket.destroy();
  });

  it("serves other nodes and SAEs beside 200 half-sent bodies of one, and that one again afterwards", () =>
    withFronts(2, {}, async (first, second) => {
      const uploads = Array.from({ length: 200 }, () => halfSent(first, saeA, Buffer.from("{")));
      try {
        const refused = 200 - LIMITS.frontRequestsPerCertificate;
        const statuses = (): number[] => uploads.map(({ status }) => status);
        await expect
          .poll(() => statuses().filter((status) => status === 503).length, { timeout: 10_000 })
          .toBe(refused);
        for (const front of [first, second]) {
          expect(await statusOf(front, saeC)).toBe(200);
          expect(await statusOf(front, saeC, ENC, Buffer.from("{}"))).toBe(200);
        }
        const answer = await ask(second, saeA);
        expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
        expect(JSON.parse(answer.body)).toEqual({
          message: "this certificate has as many requests under way as it may",
        });
        const waiting = uploads.find(({ status }) => status === 0)!;
        waiting.request.end("}");
        await expect.poll(() => waiting.status).toBe(200);
      } finally {
        for (const { request } of uploads) request.destroy();
      }
      await expect.poll(() => statusOf(second, saeA)).toBe(200);
    }));

  it("holds bodies of key requests up to a bound, small ones beside it", () =>
    withFronts(
      1,
      { load: createLoad({ connectionsPerCertificate: 8, requestsPerCertificate: 8, bufferedBytes: 8192 }) },
      async (front) => {
        const body = Buffer.alloc(5000, 32);
        const upload = halfSent(front, saeA, body);
        await expect.poll(() => statusOf(front, saeC, ENC, body)).toBe(503);
        const answer = await ask(front, saeC, ENC, body);
        expect(answer.headers["retry-after"]).toBe("1");
        expect(JSON.parse(answer.body)).toEqual({ message: "this KME holds as many request bodies as it can" });
        expect(await statusOf(front, saeC, ENC, Buffer.from("{}"))).toBe(200);
        upload.request.destroy();
        await expect.poll(() => statusOf(front, saeC, ENC, body)).toBe(200);
      },
    ));

  it("counts pipelined requests until their connection closes, and no longer", async () => {
    let waiting = 0;
    const engine = http.createServer((req, res) => (req.url === "/slow" ? (waiting += 1) : res.end("ok")));
    await new Promise<void>((resolve) => engine.listen(join(bench.directory, "slow.sock"), resolve));
    const load = createLoad({ connectionsPerCertificate: 8, requestsPerCertificate: 3, bufferedBytes: 8192 });
    await withFronts(1, { load, engine: "slow.sock" }, async (front) => {
      const burst = (): TLSSocket => {
        const socket = connectTls({ host: "127.0.0.1", port: portOf(front), ...bench.tlsOf(saeA) });
        socket.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
        return socket;
      };
      const first = burst();
      await expect.poll(() => waiting).toBe(3);
      expect(await statusOf(front, saeA, "/quick")).toBe(503);
      expect(await statusOf(front, saeC, "/quick")).toBe(200);
      first.destroy();
      await expect.poll(() => statusOf(front, saeA, "/quick"), { timeout: 5000 }).toBe(200);
      const second = burst();
      await expect.poll(() => waiting).toBe(6);
      second.destroy();
    });
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
  });

  it("refuses a body over the bound of key requests with 413, announced or not", async () => {
    const body = Buffer.alloc(LIMITS.jsonBodyBytes + 1, 32);
    for (const headers of [{ "content-length": body.length }, { "transfer-encoding": "chunked" }]) {
      const answer = await httpsRequest(bench.front.url + ENC, bench.as(saeA, { method: "POST", headers }), body);
      expect([answer.status, answer.body]).toEqual([413, '{"message":"the body is larger than 262144 bytes"}']);
    }
    const whole = { method: "POST", headers: { "transfer-encoding": "chunked" } };
    const answer = await httpsRequest(bench.front.url + ENC, bench.as(saeA, whole), body.subarray(1));
    expect((JSON.parse(answer.body) as Seen).bodyBytes).toBe(LIMITS.jsonBodyBytes);
  });
});
