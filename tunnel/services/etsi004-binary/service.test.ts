/** Cases B-01 to B-15 of the binary binding, and mutual TLS. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority, issue } from "../../../pki/authority.ts";
import { type Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";
import {
  FAKE_MAX_CHUNK_BYTES,
  FAKE_METADATA,
  fakeKey,
  FakeStreams,
  jsonAnswer,
} from "../../../test/support/fake-streams.ts";
import {
  askBinary,
  BINARY_QOS,
  binaryClient,
  connectLocal,
  frameOf,
  openRequest,
} from "../../../test/support/local-client.ts";
import { Lines, temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { checkConfig } from "../../agent/config/load.ts";
import type { BinaryConfig } from "../etsi004/config.ts";
import { edgeStreams } from "../etsi004/edge-streams.ts";
import { startTcpService } from "../etsi004/tcp-service.ts";
import { binaryProtocol } from "./service.ts";

async function start(edge: FakeStreams, more: Partial<Pick<BinaryConfig, "tls">> = {}) {
  const entry = { kind: "binary", port: 0, sae: "sae-a", node: "tn-1", ...more } as const;
  const [config] = checkConfig({ edge: edge.url, site: "site-a", etsi004: [entry] }).etsi004;
  const lines = new Lines();
  const streams = edgeStreams({ ask: edge.ask(), binding: "binary", log: lines.log });
  const protocol = binaryProtocol(streams);
  const service = await startTcpService({ config: config as BinaryConfig, protocol, log: lines.log });
  onTestFinished(() => service.close());
  return { port: service.port, lines };
}

async function connected() {
  const edge = await FakeStreams.start();
  const { port } = await start(edge);
  return { edge, port, client: binaryClient(await connectLocal(port)) };
}

const NOBODYS = "7b8b6b6e-0000-4000-8000-000000000000" as Ksid;
const opened = (status: number, qos: object) => ({
  type: "open-response",
  status,
  stream: { qos, ksid: expect.any(String) as string },
});
const failed = (status: number) => ({ type: "open-response", status, stream: null });
const noKey = (status: number) => ({ type: "get-key-response", status, chunk: null, neededSize: null });

test("B-01 to B-06: the bytes of open, key, metadata too small, none wanted, too far, close", async () => {
  const { client, port } = await connected();
  const open = frameOf(openRequest());
  expect(open.length).toBe(338);
  expect(Buffer.from(open.subarray(0, 12)).toString("hex")).toBe("010001020000014a636c6965");
  const raw = await connectLocal(port);
  onTestFinished(() => void raw.destroy());
  raw.write(open);
  const [first] = (await once(raw, "data")) as [Buffer];
  expect(first.subarray(0, 12).toString("hex")).toBe("010001030000013000000000");
  expect(first).toHaveLength(8 + 0x130);

  const answer = await askBinary(client, openRequest());
  expect(answer).toEqual(opened(0, BINARY_QOS));
  const ksid = answer.type === "open-response" ? (answer.stream?.ksid ?? NOBODYS) : NOBODYS;
  const ask = (index: number, metadataSize: number) =>
    askBinary(client, { type: "get-key-request", ksid, index, metadataSize });
  const chunk = { index: 0, key: new Uint8Array(fakeKey(ksid, 0)), metadata: FAKE_METADATA };
  const given = await ask(0, 64);
  expect(given).toMatchObject({ status: 0, chunk: { index: 0, metadata: FAKE_METADATA } });
  expect(given.type === "get-key-response" && Buffer.from(given.chunk?.key ?? []).equals(chunk.key)).toBe(true);
  expect(await ask(0, 4)).toMatchObject({ status: 8, chunk: null, neededSize: FAKE_METADATA.length });
  expect(await ask(0, 0)).toMatchObject({ status: 0, chunk: { metadata: "" } });
  expect(await ask(1_000_000, 64)).toEqual(noKey(2));
  expect(await askBinary(client, { type: "close-request", ksid })).toEqual({ type: "close-response", status: 0 });
});

test("B-07, B-08: a KSID nobody knows is 3; one that this end has open already is 5", async () => {
  const { client } = await connected();
  expect(await askBinary(client, { type: "get-key-request", ksid: NOBODYS, index: 0, metadataSize: 0 })).toEqual(
    noKey(3),
  );
  expect(await askBinary(client, { type: "close-request", ksid: NOBODYS })).toEqual({
    type: "close-response",
    status: 3,
  });
  expect(await askBinary(client, openRequest({ ksid: NOBODYS }))).toMatchObject({ status: 0 });
  expect(await askBinary(client, openRequest({ ksid: NOBODYS }))).toEqual(failed(5));
});

test.each(["localhost", "server:/x", "server://", "://x", "", "server"])(
  "B-09: an address like %j is 4",
  async (uri) => {
    const { client, edge } = await connected();
    expect(await askBinary(client, openRequest({ destination: uri }))).toEqual(failed(4));
    expect(await askBinary(client, openRequest({ source: uri }))).toEqual(failed(4));
    expect(edge.asked).toEqual([]);
  },
);

test("B-10: Timeout 0 is over before it began", async () => {
  const { client, edge } = await connected();
  expect(await askBinary(client, openRequest({ qos: { ...BINARY_QOS, timeoutMs: 0 } }))).toEqual(failed(6));
  expect(edge.asked).toEqual([]);
});

test.each([
  [100_000, FAKE_MAX_CHUNK_BYTES],
  [0, 32],
])("B-11: a chunk of %i bytes is 7 with what could be had, and the stream can be used", async (asked, had) => {
  const { client } = await connected();
  const answer = await askBinary(client, openRequest({ qos: { ...BINARY_QOS, chunkBytes: asked } }));
  expect(answer).toEqual(opened(7, { ...BINARY_QOS, chunkBytes: had }));
  const ksid = answer.type === "open-response" ? (answer.stream?.ksid ?? NOBODYS) : NOBODYS;
  const given = await askBinary(client, { type: "get-key-request", ksid, index: 5, metadataSize: 0 });
  expect(given.type === "get-key-response" && given.chunk?.key.length).toBe(had);
});

test("B-12: a byte at a time, and three frames in one segment, answered in order", async () => {
  const { client } = await connected();
  for (const byte of frameOf(openRequest({ ksid: NOBODYS }))) client.send(Uint8Array.of(byte));
  expect(await client.next()).toMatchObject({ status: 0 });
  const key = (index: number) => frameOf({ type: "get-key-request", ksid: NOBODYS, index, metadataSize: 0 });
  client.send(Buffer.concat([key(2), key(1), frameOf({ type: "close-request", ksid: NOBODYS })]));
  expect(await client.next()).toMatchObject({ status: 0, chunk: { index: 2 } });
  expect(await client.next()).toMatchObject({ status: 0, chunk: { index: 1 } });
  expect(await client.next()).toEqual({ type: "close-response", status: 0 });
});

const header = (type: number, length: number): Buffer => {
  const bytes = Buffer.from([1, 0, 1, type, 0, 0, 0, 0]);
  bytes.writeUInt32BE(length, 4);
  return bytes;
};

test.each([
  ["an unknown type", header(0x7f, 4)],
  ["another version", Buffer.from([1, 0, 2, 2, 0, 0, 0, 0])],
  ["4 GiB announced", header(2, 0xffff_ffff)],
  ["a payload too short", header(4, 10)],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
])("B-13: %s: hung up on, and nobody else", async (_, bytes) => {
  const { client, port } = await connected();
  const other = binaryClient(await connectLocal(port));
  other.send(bytes);
  expect(await other.next()).toBeNull();
  expect(await askBinary(client, openRequest())).toMatchObject({ status: 0 });
});

test("B-14: an address without its end, or none at all: 4, and the connection stays", async () => {
  const { client } = await connected();
  const good = Buffer.from(frameOf(openRequest()));
  const texts = "client://localhost\0server://x\0".length;
  for (const text of ["client://localhost", "client://localhost\0", "\0\0"]) {
    const rest = good.subarray(8 + texts);
    client.send(Buffer.concat([header(2, text.length + rest.length), Buffer.from(text), rest]));
    expect(await client.next()).toEqual(failed(4));
  }
  expect(await askBinary(client, openRequest())).toMatchObject({ status: 0 });
});

test("B-15: a client that goes within a frame", async () => {
  const { client, port } = await connected();
  const gone = await connectLocal(port);
  gone.write(frameOf(openRequest()).subarray(0, 100));
  gone.resetAndDestroy();
  expect(await askBinary(client, openRequest())).toMatchObject({ status: 0 });
});

test("who has just been given a KSID learns it, though nobody else is there yet", async () => {
  const { client, edge } = await connected();
  const qos = {
    Key_chunk_size: 32,
    Max_bps: 0,
    Min_bps: 0,
    Jitter: 0,
    Priority: 0,
    Timeout: 5000,
    TTL: 60,
    Metadata_mimetype: "",
  };
  edge.intercept = () => jsonAnswer(200, { status: 1, key_stream_ID: NOBODYS, QOS: qos });
  expect(await askBinary(client, openRequest())).toMatchObject({ status: 0, stream: { ksid: NOBODYS } });
  expect(await askBinary(client, openRequest({ ksid: NOBODYS }))).toEqual(failed(1));
});

test("the edge refuses, answers rubbish, is away: 4", async () => {
  const { client, edge } = await connected();
  const key = { type: "get-key-request", ksid: NOBODYS, index: 0, metadataSize: 0 } as const;
  edge.intercept = () => jsonAnswer(403, { message: "not you" });
  expect(await askBinary(client, openRequest())).toEqual(failed(4));
  edge.intercept = () => ({ status: 200, body: "<html>" });
  expect(await askBinary(client, key)).toEqual(noKey(4));
  edge.close();
  expect(await askBinary(client, { type: "close-request", ksid: NOBODYS })).toEqual({
    type: "close-response",
    status: 4,
  });
});

test("an edge that is busy is asked again, as it had done nothing; one that stays so is late", async () => {
  const { client, edge } = await connected();
  edge.intercept = () => (edge.asked.length < 3 ? jsonAnswer(429, {}) : null);
  expect(await askBinary(client, openRequest())).toMatchObject({ status: 0 });
  expect(edge.asked).toHaveLength(3);
  edge.intercept = () => ({ ...jsonAnswer(503, { message: "busy" }), headers: { "retry-after": "3600" } });
  expect(await askBinary(client, openRequest())).toEqual(failed(6));
  expect(edge.asked).toHaveLength(4);
});

test("one request at a time, however many are sent without reading", async () => {
  const { client, edge } = await connected();
  expect(await askBinary(client, openRequest({ ksid: NOBODYS }))).toMatchObject({ status: 0 });
  let underWay = 0;
  let most = 0;
  edge.intercept = async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    return jsonAnswer(200, { status: 0, index: edge.asked.length, Key_buffer: "" });
  };
  const request = frameOf({ type: "get-key-request", ksid: NOBODYS, index: 0, metadataSize: 0 });
  client.send(Buffer.concat(Array.from({ length: 500 }, () => request)));
  for (let answers = 0; answers < 500; answers++) expect(await client.next()).toMatchObject({ status: 0 });
  expect(most).toBe(1);
});

test("no more connections than may be", async () => {
  const { port, client } = await connected();
  const sockets: net.Socket[] = [];
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  while (sockets.length < LIMITS.localConnections - 1) sockets.push(await connectLocal(port));
  const surplus = await connectLocal(port);
  surplus.resume();
  await once(surplus, "close");
  expect(await askBinary(client, openRequest())).toMatchObject({ status: 0 });
});

test("mutual TLS: a client of the authority is served, one without a certificate or of another is not", async () => {
  const folder = temporaryFolder();
  const [ours, theirs] = await Promise.all([createAuthority("ours"), createAuthority("theirs")]);
  const server = await issue(ours, { commonName: "tn-1", usage: "server", sans: [{ type: "ip", value: "127.0.0.1" }] });
  const client = await issue(ours, { commonName: "app", usage: "client", sans: [] });
  const stranger = await issue(theirs, { commonName: "app", usage: "client", sans: [] });
  const ca = ours.certificate.toString("pem");
  const put = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const files = { cert: put("crt", server.certificate), key: put("key", server.key), client_ca: put("ca", ca) };
  const { port, lines } = await start(await FakeStreams.start(), { tls: files });
  const connect = (shown: { cert?: string; key?: string }) => {
    const socket = tls.connect({ port, host: "127.0.0.1", ca, ...shown });
    return binaryClient(socket);
  };
  const good = connect({ cert: client.certificate, key: client.key });
  expect(await askBinary(good, openRequest())).toMatchObject({ status: 0 });
  for (const bad of [connect({}), connect({ cert: stranger.certificate, key: stranger.key })]) {
    bad.send(frameOf(openRequest()));
    expect(await bad.next()).toBeNull();
  }
  await lines.seen("connection refused");
});
