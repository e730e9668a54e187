import type net from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { fakeKey, FakeStreams, jsonAnswer } from "../../../test/support/fake-streams.ts";
import {
  askJson,
  command,
  connectLocal,
  JSON_QOS,
  type JsonAnswer,
  jsonClient,
  type LocalClient,
} from "../../../test/support/local-client.ts";
import { Lines } from "../../../test/support/tunnel-agent.ts";
import { checkConfig } from "../../agent/config/load.ts";
import type { JsonTcpConfig } from "../etsi004/config.ts";
import { PATIENCE, type Patience } from "../etsi004/conversation.ts";
import { edgeStreams } from "../etsi004/edge-streams.ts";
import { startTcpService } from "../etsi004/tcp-service.ts";
import { ksidOfLane } from "./lanes.ts";
import { jsonProtocol } from "./service.ts";

const OPEN = {
  source: "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  destination: "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
  qos: JSON_QOS,
};
const INVALID = { status: "error", message: "Invalid JSON received" };
const UNKNOWN = { status: "error", message: "Unknown command" };

async function start(edge: FakeStreams, patience: Patience = PATIENCE, zeroIsNext = false) {
  const entry = { kind: "json-tcp", port: 0, sae: "sae-a", node: "tn-1", index_zero_is_next: zeroIsNext } as const;
  const [config] = checkConfig({ edge: edge.url, site: "site-a", etsi004: [entry] }).etsi004;
  const { log } = new Lines();
  const streams = edgeStreams({ ask: edge.ask(), binding: "json-tcp", log });
  const protocol = jsonProtocol(streams, null, zeroIsNext);
  const service = await startTcpService({ config: config as JsonTcpConfig, protocol, log, patience });
  onTestFinished(() => service.close());
  return service.port;
}

const connect = async (port: number): Promise<LocalClient<JsonAnswer>> => jsonClient(await connectLocal(port));

test("OPEN_CONNECT, GET_KEY, CLOSE: the answers to the letter, and what the edge is asked", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  const ksid = ksidOfLane(OPEN.source, OPEN.destination, 0);
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: ksid });
  const wish = { key_stream_id: ksid, index: 0, metadata: { size: 46, buffer: "" } };
  expect(await askJson(client, "GET_KEY", wish)).toEqual({ status: 0, key_buffer: [...fakeKey(ksid, 0)] });
  expect(await askJson(client, "CLOSE", { key_stream_id: ksid })).toEqual({ status: 0 });
  const [open] = edge.asked;
  expect(open?.headers).toMatchObject({ "qkd-sae": "sae-a", "qkd-node": "tn-1" });
  const { QOS: qos, ...rest } = JSON.parse(open?.body ?? "") as { QOS: { Timeout: number; Max_bps: number } };
  const { source, destination } = OPEN;
  expect(rest).toEqual({ source, destination, key_stream_ID: ksid, binding: "json-tcp" });
  expect(qos.Max_bps).toBe(32);
  // The client's 0 is no time-out of its own: so long it waits for its peer.
  expect(qos.Timeout).toBeLessThanOrEqual(LIMITS.localPeerMs);
  expect(qos.Timeout).toBeGreaterThan(LIMITS.localPeerMs - 5000);
});

test("whatever the segments: a byte at a time, and several requests in one, answered in order", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  for (const byte of command("OPEN_CONNECT", OPEN)) client.send(byte);
  const ksid = ksidOfLane(OPEN.source, OPEN.destination, 0);
  expect(await client.next()).toEqual({ status: 0, key_stream_id: ksid });
  const wishes = [3, 1, 2].map((index) => command("GET_KEY", { key_stream_id: ksid, index }));
  client.send(`${wishes.join("")} \n${command("X", {})}not json${command("CLOSE", { key_stream_id: ksid })}`);
  for (const index of [3, 1, 2]) {
    expect(await client.next()).toEqual({ status: 0, key_buffer: [...fakeKey(ksid, index)] });
  }
  expect(await client.next()).toEqual(UNKNOWN);
  expect(await client.next()).toEqual(INVALID);
  expect(await client.next()).toEqual({ status: 0 });
});

test.each([
  [false, [0, 0, 3]],
  [true, [undefined, undefined, 3]],
])("index_zero_is_next = %s: what is asked for with index 0, twice, and with 3", async (zeroIsNext, indexes) => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge, PATIENCE, zeroIsNext));
  const { key_stream_id: ksid } = await askJson(client, "OPEN_CONNECT", OPEN);
  for (const index of [0, 0, 3]) {
    expect(await askJson(client, "GET_KEY", { key_stream_id: ksid, index })).toMatchObject({ status: 0 });
  }
  const asked = edge.asked.filter(({ path }) => path.endsWith("/get_key"));
  expect(asked.map(({ body }) => (JSON.parse(body) as { index?: number }).index)).toEqual(indexes);
});

test("one that ends its side has all its answers first", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  client.socket.end(command("OPEN_CONNECT", OPEN) + command("X", {}));
  expect(await client.next()).toMatchObject({ status: 0 });
  expect(await client.next()).toEqual(UNKNOWN);
  expect(await client.next()).toBeNull();
});

test.each([
  ["what is no JSON at all", "not json"],
  ["HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["more than an object may have", `{"command":"${"x".repeat(LIMITS.streamJsonBytes)}"}`],
  ["nested too deep", '{"a":'.repeat(LIMITS.jsonDepth + 1)],
])("%s is told so, and hung up on", async (_, bytes) => {
  const client = await connect(await start(await FakeStreams.start()));
  client.send(bytes);
  expect(await client.next()).toEqual(INVALID);
  expect(await client.next()).toBeNull();
});

test("requests that cannot be used: status 1 and why", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  const { ttl: _ttl, ...incomplete } = JSON_QOS;
  expect(await askJson(client, "OPEN_CONNECT", { ...OPEN, qos: incomplete })).toMatchObject({ status: 1 });
  expect(await askJson(client, "GET_KEY", { key_stream_id: "no UUID", index: 0 })).toMatchObject({ status: 1 });
  const nobodys = { key_stream_id: "7b8b6b6e-0000-4000-8000-000000000000" };
  const message = "No interface selected. OPEN_CONNECT must be called first.";
  expect(await askJson(client, "GET_KEY", { ...nobodys, index: 0 })).toEqual({ status: 1, message });
  expect(await askJson(client, "CLOSE", nobodys)).toEqual({ status: 1, message });
  const { key_stream_id: ksid } = await askJson(client, "OPEN_CONNECT", OPEN);
  expect(await askJson(client, "GET_KEY", { key_stream_id: ksid, index: 4_000_000_000 })).toEqual({
    status: 1,
    message: "Failed to fetch any keys from sources",
  });
});

test.each([0, 100_000])("a chunk of %i bytes: nothing is opened, for its length could not be told", async (size) => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  const opened = await askJson(client, "OPEN_CONNECT", { ...OPEN, qos: { ...JSON_QOS, key_chunk_size: size } });
  expect(opened).toEqual({ status: 1, message: "None of the key sources could open connect." });
  expect(edge.openStreams).toBe(0);
});

test("the peer does not come: status 1, and the stream is withdrawn", async () => {
  const edge = await FakeStreams.start();
  edge.intercept = ({ path }) =>
    path === "/api/v1/streams" ? jsonAnswer(504, { status: 6, message: "QOS.Timeout has passed" }) : null;
  const client = await connect(await start(edge));
  const opened = await askJson(client, "OPEN_CONNECT", { ...OPEN, qos: { ...JSON_QOS, timeout: 50 } });
  expect(opened).toMatchObject({ status: 1, message: expect.any(String) as string });
  const ksid = ksidOfLane(OPEN.source, OPEN.destination, 0);
  expect(edge.asked.at(-1)?.path).toBe(`/api/v1/streams/${ksid}/close`);
});

test("a stream that is still in use: the next one; one that is open at this end is no other's", async () => {
  const edge = await FakeStreams.start();
  const inUse = ksidOfLane(OPEN.source, OPEN.destination, 0);
  edge.intercept = ({ path, body }) =>
    path === "/api/v1/streams" && body.includes(inUse) ? jsonAnswer(409, { status: 5, message: "in use" }) : null;
  const client = await connect(await start(edge));
  const lane = (number: number) => ksidOfLane(OPEN.source, OPEN.destination, number);
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: lane(1) });
  edge.intercept = () => null;
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: lane(0) });
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: lane(2) });
  expect(await askJson(client, "CLOSE", { key_stream_id: lane(0) })).toEqual({ status: 0 });
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: lane(0) });
});

test("a lane that is in use is looked at again, while the peer is waited for in the next", async () => {
  const edge = await FakeStreams.start();
  const [first, second] = [0, 1].map((lane) => ksidOfLane(OPEN.source, OPEN.destination, lane));
  const seen: string[] = [];
  edge.intercept = ({ path, body }) => {
    if (path !== "/api/v1/streams") return null;
    const lane = body.includes(first ?? "") ? "first" : "second";
    seen.push(lane);
    if (lane === "second") return jsonAnswer(504, { status: 6, message: "nobody came" });
    return seen.includes("second") ? null : jsonAnswer(409, { status: 5, message: "in use" });
  };
  const client = await connect(await start(edge));
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: first });
  expect(seen.slice(seen.indexOf("second"))).toEqual(["second", "first"]);
  expect(edge.asked.map(({ path }) => path)).toContain(`/api/v1/streams/${second}/close`);
});

test("as many as may be are open: late, and nothing else stands still for it", async () => {
  const edge = await FakeStreams.start();
  const port = await start(edge);
  const client = await connect(port);
  for (let lane = 0; lane < LIMITS.localLanes; lane++) {
    expect(await askJson(client, "OPEN_CONNECT", OPEN)).toMatchObject({ status: 0 });
  }
  const other = await connect(port);
  client.send(command("OPEN_CONNECT", { ...OPEN, qos: { ...JSON_QOS, timeout: 200 } }));
  expect(await askJson(other, "X", {})).toEqual(UNKNOWN);
  expect(await client.next()).toMatchObject({ status: 1 });
});

test("a client that never closed: its lane is passed over, until it is the only way to meet", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  const first = ksidOfLane(OPEN.source, OPEN.destination, 0);
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: first });
  // Over at the edge; and nobody comes to any other.
  edge.intercept = ({ path, body }) =>
    path !== "/api/v1/streams"
      ? null
      : body.includes(first)
        ? jsonAnswer(200, { status: 0, key_stream_ID: first, QOS: { Key_chunk_size: JSON_QOS.key_chunk_size } })
        : jsonAnswer(504, { status: 6, message: "nobody came" });
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({ status: 0, key_stream_id: first });
});

test("the edge is down, or refuses: status 1, and the connection stays", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  edge.intercept = () => jsonAnswer(401, {});
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({
    status: 1,
    message: "Fatal error during OPEN_CONNECT.",
  });
  edge.close();
  const ksid = ksidOfLane(OPEN.source, OPEN.destination, 0);
  expect(await askJson(client, "GET_KEY", { key_stream_id: ksid, index: 0 })).toEqual({
    status: 1,
    message: "Fatal error during GET_KEY.",
  });
});

const HYBRID = {
  source: "hybrid://x@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa?key_sources=ML-KEM-768,QKD&kem=edge",
  destination: "hybrid://x@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb?key_sources=ML-KEM-768,QKD&kem=edge",
  qos: JSON_QOS,
};

test("hybrid streams that the edge makes: its word for why not, and what a key was made of", async () => {
  const edge = await FakeStreams.start();
  const client = await connect(await start(edge));
  const message = "kem-not-here: key_sources: BIKE-L1 takes too long for an edge";
  edge.intercept = () => jsonAnswer(400, { message });
  expect(await askJson(client, "OPEN_CONNECT", HYBRID)).toEqual({ status: 1, message });
  expect(await askJson(client, "OPEN_CONNECT", OPEN)).toEqual({
    status: 1,
    message: "Fatal error during OPEN_CONNECT.",
  });
  edge.intercept = () => jsonAnswer(403, { message: "no such SAE" });
  expect(await askJson(client, "OPEN_CONNECT", HYBRID)).toEqual({
    status: 1,
    message: "Fatal error during OPEN_CONNECT.",
  });
  edge.intercept = () => null;
  const { key_stream_id: ksid } = await askJson(client, "OPEN_CONNECT", HYBRID);
  const buffer = JSON.stringify({
    age: 1,
    hops: 0,
    method: "cat-kdf",
    sources: ["QKD"],
    confirmed: false,
    kem: "edge",
  });
  edge.intercept = ({ path }) =>
    path.endsWith("/get_key") ? jsonAnswer(200, { status: 0, index: 0, Key_buffer: "AQI=", Metadata: buffer }) : null;
  expect(await askJson(client, "GET_KEY", { key_stream_id: ksid, index: 0 })).toEqual({
    status: 0,
    key_buffer: [1, 2],
    metadata: { size: buffer.length, buffer },
  });
  const late = "not-confirmed: the two ends have not made the same key";
  edge.intercept = () => jsonAnswer(400, { message: late });
  expect(await askJson(client, "GET_KEY", { key_stream_id: ksid, index: 1 })).toEqual({ status: 1, message: late });
});

const closed = async (socket: net.Socket): Promise<boolean> =>
  await new Promise((resolve) => socket.once("close", () => resolve(true)).resume());

test("half a request, and none, are waited for so long only; others go on", async () => {
  const edge = await FakeStreams.start();
  const port = await start(edge, { idleMs: 60_000, requestMs: 20 });
  const other = await connect(port);
  const half = await connectLocal(port);
  half.write(command("OPEN_CONNECT", OPEN).slice(0, 20));
  expect(await closed(half)).toBe(true);
  expect(await askJson(other, "X", {})).toEqual(UNKNOWN);
  const idle = await connectLocal(await start(edge, { idleMs: 20, requestMs: 60_000 }));
  expect(await closed(idle)).toBe(true);
});

test("a client that goes while it waits is waited for by nobody", async () => {
  const edge = await FakeStreams.start();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { promise: never } = Promise.withResolvers<never>();
  const { promise: withdrawn, resolve: withdraw } = Promise.withResolvers<void>();
  edge.intercept = ({ path }) => {
    if (path.endsWith("/close")) withdraw();
    if (path !== "/api/v1/streams") return null;
    resolve();
    return never;
  };
  const client = await connect(await start(edge));
  client.send(command("OPEN_CONNECT", OPEN));
  await asked;
  client.socket.resetAndDestroy();
  await withdrawn;
});
