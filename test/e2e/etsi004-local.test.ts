/**
 * The bindings of ETSI GS QKD 004 over TCP, as the demo's site agents serve them: binary frames (B-01 to B-15) and the
 * hybridization module's JSON (J-01 to J-10), between tn-1 (sae-a) and tn-2 (sae-c).
 */
import { once } from "node:events";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type {
  GetKeyResponse,
  OpenRequest,
  OpenResponse,
  Request,
  Response,
} from "../../shared/etsi004/binary/messages.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import {
  askBinary,
  askJson,
  BINARY_QOS,
  binaryClient,
  command,
  frameOf,
  JSON_QOS,
  type JsonAnswer,
  jsonClient,
  type LocalClient,
  openRequest,
} from "../support/local-client.ts";
import { eventually } from "../support/operator.ts";
import { type RunningNetwork, runNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ agents: true });
});
afterAll(async () => {
  await network.stop();
});

const NODES = ["tn-1", "tn-2"] as const;
type Node = (typeof NODES)[number];
type Capability = "etsi004Json" | "etsi004Binary";

async function connect(capability: Capability, node: Node): Promise<net.Socket> {
  const [host, port] = network.local[capability]?.[node]?.split(":") ?? [];
  const socket = net.connect({ host: host ?? "", port: Number(port), noDelay: true });
  await once(socket, "connect");
  onTestFinished(() => void socket.destroy());
  return socket;
}

const binaryAt = async (node: Node): Promise<LocalClient<Response>> =>
  binaryClient(await connect("etsi004Binary", node));
const jsonAt = async (node: Node): Promise<LocalClient<JsonAnswer>> => jsonClient(await connect("etsi004Json", node));

test("where they are is told in ports.json and the banner", () => {
  for (const capability of ["qkdModule", "etsi004Json", "etsi004Binary"] as const) {
    // The third site's applications have hybrid keys only.
    const nodes = capability === "etsi004Json" ? [...NODES, "tn-3"] : NODES;
    expect(Object.keys(network.local[capability] ?? {})).toEqual(nodes);
  }
  expect(network.output()).toMatch(/^ {2}ETSI 004 {2}tn-1, for sae-a: QKD module http:\/\/127\.0\.0\.1:\d+, JSON /m);
});

const open = async (client: LocalClient<Response>, more: Partial<Omit<OpenRequest, "type">> = {}) =>
  (await askBinary(client, openRequest(more))) as OpenResponse;
const getKey = async (client: LocalClient<Response>, ksid: Ksid, index: number, metadataSize = 64) =>
  (await askBinary(client, { type: "get-key-request", ksid, index, metadataSize })) as GetKeyResponse;
const close = (client: LocalClient<Response>, ksid: Ksid) => askBinary(client, { type: "close-request", ksid });
const hex = (response: GetKeyResponse): string => Buffer.from(response.chunk?.key ?? []).toString("hex");

/** Opened at both ends. */
async function openPair(more: Partial<Omit<OpenRequest, "type">> = {}) {
  const [a, b] = [await binaryAt("tn-1"), await binaryAt("tn-2")];
  const first = await open(a, more);
  expect([0, 7]).toContain(first.status);
  const { ksid, qos } = first.stream ?? expect.unreachable();
  const second = await open(b, { ksid });
  expect(second).toEqual({ type: "open-response", status: 0, stream: { ksid, qos } });
  return { a, b, ksid, qos, first };
}

describe("binary frames", () => {
  test("B-01: the bytes of OPEN_CONNECT and its answer", async () => {
    const raw = await connect("etsi004Binary", "tn-1");
    const bytes = Buffer.from(frameOf(openRequest()));
    expect([bytes.length, bytes.subarray(0, 8).toString("hex")]).toEqual([338, "010001020000014a"]);
    raw.write(bytes);
    const [answer] = (await once(raw, "data")) as [Buffer];
    expect([answer.length, answer.subarray(0, 8).toString("hex")]).toEqual([8 + 0x130, "0100010300000130"]);
    expect([0, 7]).toContain(answer.readUInt32BE(8));
    // Version 4, as 004-30 has it too.
    expect(answer.subarray(-16)[6]! >> 4).toBe(4);
  });

  test("B-02 to B-06, 004-03: both ends have the same chunks, with metadata; too far is 2; closed", async () => {
    const { a, b, ksid, qos } = await openPair();
    expect(qos.chunkBytes).toBe(32);
    const chunks = new Set<string>();
    for (let index = 0; index < 10; index++) {
      const [one, other] = [await getKey(a, ksid, index), await getKey(b, ksid, index)];
      expect([one.status, one.chunk?.index, one.chunk?.key.length]).toEqual([0, index, 32]);
      expect(hex(one) === hex(other)).toBe(true);
      chunks.add(hex(one));
      const metadata = JSON.parse(one.chunk?.metadata ?? "") as { age: number; hops: number };
      expect([Number.isInteger(metadata.age), metadata.hops]).toEqual([true, 0]);
    }
    expect(chunks.size).toBe(10);
    const small = await getKey(a, ksid, 10, 4);
    expect(small).toMatchObject({ status: 8, chunk: null });
    const enough = await getKey(a, ksid, 10, small.neededSize ?? 0);
    const without = await getKey(b, ksid, 10, 0);
    expect([enough.status, without.status, without.chunk?.metadata]).toEqual([0, 0, ""]);
    expect(hex(enough) === hex(without)).toBe(true);
    expect(await getKey(a, ksid, 1_000_000)).toMatchObject({ status: 2, chunk: null });
    expect(await close(a, ksid)).toEqual({ type: "close-response", status: 0 });
    expect((await getKey(a, ksid, 11)).status).not.toBe(0);
    expect(await close(b, ksid)).toEqual({ type: "close-response", status: 0 });
  });

  test("004-05, 004-07: a KSID known beforehand, in either order; nothing before the peer has come", async () => {
    const [a, b] = [await binaryAt("tn-1"), await binaryAt("tn-2")];
    for (const ends of [
      [a, b],
      [b, a],
    ] as const) {
      const ksid = crypto.randomUUID() as Ksid;
      const first = open(ends[0], { ksid });
      const second = open(ends[1], { ksid });
      expect((await first).status).toBe(0);
      expect((await second).status).toBe(0);
      const [one, other] = [await getKey(a, ksid, 0), await getKey(b, ksid, 0)];
      expect(one.status === 0 && hex(one) === hex(other)).toBe(true);
    }
    const { stream } = await open(a);
    expect((await getKey(a, stream?.ksid ?? expect.unreachable(), 0)).status).toBe(3);
  });

  test("004-08: the peer does not come in time", async () => {
    const a = await binaryAt("tn-1");
    const answer = await open(a, { ksid: crypto.randomUUID() as Ksid, qos: { ...BINARY_QOS, timeoutMs: 500 } });
    expect(answer).toEqual({ type: "open-response", status: 6, stream: null });
  });

  test("B-07 to B-10: unknown KSIDs, one opened twice, addresses that are none, Timeout 0", async () => {
    const { a, ksid } = await openPair();
    const nobodys = crypto.randomUUID() as Ksid;
    expect((await getKey(a, nobodys, 0)).status).toBe(3);
    expect(await close(a, nobodys)).toEqual({ type: "close-response", status: 3 });
    expect((await open(a, { ksid })).status).toBe(5);
    expect((await open(a, { destination: "localhost" })).status).toBe(4);
    expect((await open(a, { destination: "server://nobody.example" })).status).toBe(4);
    expect((await open(a, { qos: { ...BINARY_QOS, timeoutMs: 0 } })).status).toBe(6);
  });

  test.each([100_000, 0])("B-11, 004-26: a chunk of %i bytes is 7, and the stream can be used", async (chunkBytes) => {
    const { a, b, ksid, qos, first } = await openPair({ qos: { ...BINARY_QOS, chunkBytes } });
    expect(first.status).toBe(7);
    const [one, other] = [await getKey(a, ksid, 0), await getKey(b, ksid, 0)];
    expect([one.status, one.chunk?.key.length]).toEqual([0, qos.chunkBytes]);
    expect(hex(one) === hex(other)).toBe(true);
  });

  test("B-12: a byte at a time, and three frames in one segment", async () => {
    const { a, b, ksid } = await openPair();
    const request = (index: number): Request => ({ type: "get-key-request", ksid, index, metadataSize: 0 });
    for (const byte of frameOf(request(0))) a.send(Uint8Array.of(byte));
    expect(await a.next()).toMatchObject({ status: 0, chunk: { index: 0 } });
    b.send(Buffer.concat([frameOf(request(1)), frameOf(request(0)), frameOf({ type: "close-request", ksid })]));
    expect(await b.next()).toMatchObject({ status: 0, chunk: { index: 1 } });
    expect(await b.next()).toMatchObject({ status: 0, chunk: { index: 0 } });
    expect(await b.next()).toEqual({ type: "close-response", status: 0 });
  });

  test.each([
    ["an unknown type", "0100017f00000004"],
    ["another version", "0100020200000004"],
    ["4 GiB", "01000102ffffffff"],
    ["a payload too short", "0100010400000004"],
    ["no frame", Buffer.from("GET / HTTP/1.1\r\n\r\n").toString("hex")],
  ])("B-13 to B-15: %s, and a client that goes within a frame: others are served on", async (_, bytes) => {
    const good = await binaryAt("tn-1");
    const bad = await binaryAt("tn-1");
    bad.send(Buffer.from(bytes, "hex"));
    expect(await bad.next()).toBeNull();
    const gone = await connect("etsi004Binary", "tn-1");
    gone.write(frameOf(openRequest()).subarray(0, 20));
    gone.resetAndDestroy();
    const noEnd = Buffer.from(frameOf(openRequest()));
    noEnd[noEnd.indexOf(0, 8)] = 0x20;
    good.send(noEnd);
    expect(await good.next()).toMatchObject({ status: 4 });
    expect([0, 7]).toContain((await open(good)).status);
  });
});

const URIS = {
  source: "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  destination: "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
};
const OPEN = { ...URIS, qos: JSON_QOS };

const keyOf = async (client: LocalClient<JsonAnswer>, ksid: string, index: number): Promise<readonly number[]> => {
  const answer = await askJson(client, "GET_KEY", { key_stream_id: ksid, index, metadata: { size: 46, buffer: "" } });
  expect(answer["status"]).toBe(0);
  return answer["key_buffer"] as number[];
};

/** A stream, and its first chunk. */
const openAndGet = async (client: LocalClient<JsonAnswer>) => {
  const { status, key_stream_id: ksid } = await askJson(client, "OPEN_CONNECT", OPEN);
  expect(status).toBe(0);
  return [String(ksid), Buffer.from(await keyOf(client, String(ksid), 0)).toString("hex")] as const;
};

/** Both ends pass the same texts, and are given the same stream. */
async function meet() {
  const ends = [await jsonAt("tn-1"), await jsonAt("tn-2")] as const;
  const answers = await Promise.all(ends.map((end) => askJson(end, "OPEN_CONNECT", OPEN)));
  const [first] = answers;
  expect(answers).toEqual([first, first]);
  expect(first).toMatchObject({ status: 0, key_stream_id: expect.stringMatching(/^[0-9a-f]{8}-/) as string });
  return { ends, ksid: String(first?.["key_stream_id"]) };
}

const openGetClose = async (client: LocalClient<JsonAnswer>) => {
  const [ksid, key] = await openAndGet(client);
  expect(await askJson(client, "CLOSE", { key_stream_id: ksid })).toEqual({ status: 0 });
  return key;
};

describe("JSON over TCP", () => {
  test("J-01 to J-03, J-09: open, key, close; both ends have the same key", async () => {
    const { ends, ksid } = await meet();
    const [one, other] = [await keyOf(ends[0], ksid, 0), await keyOf(ends[1], ksid, 0)];
    expect(one).toHaveLength(JSON_QOS.key_chunk_size);
    expect(one.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)).toBe(true);
    expect(Buffer.from(one).equals(Buffer.from(other))).toBe(true);
    for (const end of ends) expect(await askJson(end, "CLOSE", { key_stream_id: ksid })).toEqual({ status: 0 });
  });

  test("a stream a key, one after the other, each end at its own pace: every key another", async () => {
    const keys = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const { ends, ksid } = await meet();
      const got = await Promise.all(
        ends.map(async (end) => {
          const key = await keyOf(end, ksid, 0);
          expect(await askJson(end, "CLOSE", { key_stream_id: ksid })).toEqual({ status: 0 });
          return Buffer.from(key).toString("hex");
        }),
      );
      expect(got[0] === got[1]).toBe(true);
      keys.add(got[0] ?? "");
    }
    expect(keys.size).toBe(5);
  });

  test("ten streams at once between the same two: each end's tenth part meets its like", async () => {
    const streams = await Promise.all(Array.from({ length: 10 }, () => Promise.all([jsonAt("tn-1"), jsonAt("tn-2")])));
    const [ones, others] = await Promise.all(
      [0, 1].map((end) => Promise.all(streams.map((ends) => openAndGet(ends[end]!)))),
    );
    expect(new Map(ones).size).toBe(10);
    const theirs = new Map(others);
    expect(ones?.every(([ksid, key]) => theirs.get(ksid) === key)).toBe(true);
    expect(new Set(theirs.values()).size).toBe(10);
    for (const [number, [ksid]] of (ones ?? []).entries()) {
      for (const end of streams[number]!) await askJson(end, "CLOSE", { key_stream_id: ksid });
    }
  });

  test("three at once at one end, one after the other at the other: they meet all the same", async () => {
    const many = Promise.all([0, 1, 2].map(async () => await openGetClose(await jsonAt("tn-1"))));
    const single = await jsonAt("tn-2");
    const theirs: string[] = [];
    while (theirs.length < 3) theirs.push(await openGetClose(single));
    const ours = await many;
    expect([new Set(ours).size, ours.every((key) => theirs.includes(key))]).toEqual([3, true]);
  });

  test("J-04 to J-07: what is no command, no JSON, in two segments, incomplete", async () => {
    const client = await jsonAt("tn-1");
    expect(await askJson(client, "X", {})).toEqual({ status: "error", message: "Unknown command" });
    const { ttl: _ttl, ...qos } = JSON_QOS;
    expect(await askJson(client, "OPEN_CONNECT", { ...OPEN, qos })).toMatchObject({ status: 1 });
    const { ends } = await meet();
    const text = command("GET_KEY", { key_stream_id: "x", index: 0 });
    ends[0].send(text.slice(0, 15));
    ends[0].send(text.slice(15));
    expect(await ends[0].next()).toMatchObject({ status: 1 });
    const stranger = await jsonAt("tn-1");
    stranger.send("not json");
    expect(await stranger.next()).toEqual({ status: "error", message: "Invalid JSON received" });
    expect(await stranger.next()).toBeNull();
  });

  test("J-08: the peer does not come", async () => {
    const client = await jsonAt("tn-1");
    const answer = await askJson(client, "OPEN_CONNECT", { ...OPEN, qos: { ...JSON_QOS, timeout: 500 } });
    expect(answer).toEqual({ status: 1, message: "None of the key sources could open connect." });
  });

  test("J-10: several requests on a connection, answered in order", async () => {
    const { ends, ksid } = await meet();
    const wishes = [2, 0, 1].map((index) => command("GET_KEY", { key_stream_id: ksid, index }));
    for (const end of ends) end.send(wishes.join(""));
    for (let request = 0; request < 3; request++) {
      const [one, other] = [await ends[0].next(), await ends[1].next()];
      expect(one?.["status"]).toBe(0);
      expect(JSON.stringify(one) === JSON.stringify(other)).toBe(true);
    }
  });
});

test("an agent is killed: it comes back on the same port, and its streams go on", async () => {
  const { a, b, ksid } = await openPair();
  const [agent = 0] = network.pids.agents ?? [];
  process.kill(agent, "SIGKILL");
  expect(await a.next()).toBeNull();
  // Until it is gone altogether, its port still takes connections.
  const one = await eventually(
    () =>
      binaryAt("tn-1")
        .then((again) => getKey(again, ksid, 0))
        .catch(() => null),
    (answer) => answer !== null,
    30_000,
  );
  const other = await getKey(b, ksid, 0);
  if (one === null) expect.unreachable();
  expect([one.status, other.status]).toEqual([0, 0]);
  expect(hex(one) === hex(other)).toBe(true);
});
