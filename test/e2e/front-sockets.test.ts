/** WebSockets through a KME front: passed on with the certificate of their connection, and as long as that counts. */
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Issued } from "../../pki/authority.ts";
import { type FrontBench, startFrontBench, tlsExchange } from "../support/front-bench.ts";

let bench: FrontBench;
let client: Issued;
let seen: IncomingMessage[];
/** What the edge does with a handshake: a refusal, or a socket that echoes. */
let refusal: string | null;

beforeAll(async () => {
  bench = await startFrontBench();
  client = await bench.client("sae-a");
  const echo = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  bench.engine.on("upgrade", (req, socket, head) => {
    seen.push(req);
    if (refusal !== null) {
      socket.end(refusal);
      return;
    }
    echo.handleUpgrade(req, socket, head, (ws) => {
      ws.on("message", (message, isBinary) => ws.send(message, { binary: isBinary }));
    });
  });
});
afterAll(async () => await bench.stop());
beforeEach(() => {
  seen = [];
  refusal = null;
});

const open = (protocols: readonly string[] = [], headers: Record<string, string> = {}): WebSocket =>
  new WebSocket(`${bench.front.url.replace("https", "wss")}/api/v1/rooms/sae-b`, [...protocols], {
    ...bench.tlsOf(client),
    headers,
    perMessageDeflate: false,
  });
const opened = async (socket: WebSocket): Promise<WebSocket> =>
  await new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
  });
const message = async (socket: WebSocket): Promise<Buffer> =>
  await new Promise((resolve) => socket.once("message", (data: Buffer) => resolve(data)));
const closed = async (socket: WebSocket): Promise<number> =>
  await new Promise((resolve) => socket.once("close", (code) => resolve(code)));

test("go both ways, in frames of any size", async () => {
  const socket = await opened(open(["qkdedge.room.v1"]));
  expect(socket.protocol).toBe("qkdedge.room.v1");
  for (const bytes of [1, 65 * 1024, 5_000_000]) {
    const sent = Buffer.alloc(bytes, bytes % 251);
    const came = message(socket);
    socket.send(sent);
    expect((await came).equals(sent)).toBe(true);
  }
  const ended = closed(socket);
  socket.close(4000, "done");
  expect(await ended).toBe(4000);
});

test("say who the client is by its certificate, and by nothing that it writes", async () => {
  const headers = { Authorization: "Bearer x", "CF-Connecting-IP": "1.2.3.4", "X-Cf-Blob": "{}", "QKD-SAE": "sae-z" };
  const socket = await opened(open(["qkdedge.room.v1", "bearer.abc"], { ...headers, Origin: "https://evil.example" }));
  const [{ headers: told }] = seen as [IncomingMessage];
  expect(told["sec-websocket-protocol"]).toBe("qkdedge.room.v1");
  expect(JSON.parse(String(told["x-cf-blob"]))).toMatchObject({ qkd: { node: "tn-1" } });
  expect([told.authorization, told["cf-connecting-ip"], told["qkd-sae"]]).toEqual([undefined, undefined, undefined]);
  // For the edge to judge.
  expect([told.origin, told.host]).toEqual(["https://evil.example", new URL(bench.front.url).host]);
  socket.terminate();
});

test("are refused as the edge refuses them", async () => {
  refusal = 'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"message":"x"}';
  const socket = open();
  const answer = await new Promise<IncomingMessage>((resolve) =>
    socket.once("unexpected-response", (_, response) => resolve(response)),
  );
  const body = await new Promise((resolve) => answer.once("data", (chunk: Buffer) => resolve(chunk.toString())));
  expect([answer.statusCode, body]).toEqual([403, '{"message":"x"}']);
  answer.destroy();
});

test("are answered 503 where the edge says nothing", async () => {
  refusal = "";
  const answer = await new Promise<IncomingMessage>((resolve) =>
    open().once("unexpected-response", (_, response) => resolve(response)),
  );
  expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
  answer.destroy();
});

test("end with their connection, at either end", async () => {
  const socket = await opened(open());
  const gone = new Promise((resolve) => seen[0]?.socket.once("close", resolve));
  socket.terminate();
  await gone;
  const other = await opened(open());
  const ended = closed(other);
  seen[1]?.socket.destroy();
  expect(await ended).toBe(1006);
});

test.each([
  ["another protocol's", "Upgrade: h2c\r\n\r\n"],
  ["one with a body", "Upgrade: websocket\r\nContent-Length: 5\r\n\r\nhello"],
  ["one with a body in chunks", "Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
])("are the only upgrade: %s is a request as if nothing had been said", async (_, rest) => {
  const tls = bench.tlsOf(client);
  const head = `GET /api/v1/whoami HTTP/1.1\r\nHost: kme\r\nConnection: Upgrade, close\r\n${rest}`;
  expect(await tlsExchange(bench.front.url, tls, head)).toMatch(/^HTTP\/1.1 200 /);
  expect(seen).toEqual([]);
});

test("go when the front goes", async () => {
  const other = await startFrontBench();
  const echo = new WebSocketServer({ noServer: true });
  other.engine.on("upgrade", (req, socket, head) => echo.handleUpgrade(req, socket, head, () => undefined));
  const mine = await other.client("sae-a");
  const socket = await opened(new WebSocket(other.front.url.replace("https", "wss"), other.tlsOf(mine)));
  const ended = closed(socket);
  await other.stop();
  expect(await ended).toBe(1006);
});
