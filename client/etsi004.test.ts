/** The client of ETSI GS QKD 004 against an edge that answers as it is told. */
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import {
  AnswerError,
  Etsi004Client,
  type Etsi004Options,
  RefusedError,
  STREAM_STATUS,
  StreamError,
  UnreachableError,
} from "qkd-edge/client";
import { windowMessages } from "../shared/etsi004/window.ts";
import { LIMITS } from "../shared/limits.ts";
import { FakeKme } from "../test/support/fake-kme.ts";

const KSID = "0c6bdf05-b1a8-4d8a-b0a6-2d5b1b9f3f14";
const QOS = {
  Key_chunk_size: 32,
  Max_bps: 0,
  Min_bps: 0,
  Jitter: 0,
  Priority: 0,
  Timeout: 5000,
  TTL: 7200,
  Metadata_mimetype: "application/json",
};
const qos = {
  chunkBytes: 32,
  maxBps: 0,
  minBps: 0,
  jitterBps: 0,
  priority: 0,
  timeoutMs: 5000,
  ttlSeconds: 7200,
  metadataMimetype: "application/json",
};
const stream = { ksid: KSID, qos };
const keyOf = (index: number): Uint8Array => new Uint8Array(32).fill(index + 1);
const chunk = (index: number, more: object = {}) => ({
  status: 0,
  index,
  Key_buffer: Buffer.from(keyOf(index)).toString("base64"),
  ...more,
});
const no = (status: number, http: number, more: object = {}) => ({
  status: http,
  body: { status, message: "no", ...more },
});

let edge: FakeKme;
let pauses: number;
const clientOf = (more: Partial<Etsi004Options> = {}): Etsi004Client =>
  new Etsi004Client({ baseUrl: edge.url, token: "a-token", pause: async () => void pauses++, ...more });

beforeAll(async () => {
  edge = await FakeKme.start();
});
afterAll(() => edge.stop());
beforeEach(() => {
  pauses = 0;
});

const failure = async (call: Promise<unknown>): Promise<Error> =>
  await call.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error as Error,
  );

describe("OPEN_CONNECT", () => {
  test("what is not asked for is left to the system", async () => {
    edge.answers({ body: { status: 1, key_stream_ID: KSID, QOS, vendor: 1 } });
    expect(await clientOf().openConnect({ destination: "sae-c" })).toEqual({ ksid: KSID, status: 1, qos });
    await clientOf().openConnect({
      destination: "sae-c",
      source: "sae-a",
      ksid: KSID,
      qos: { chunkBytes: 64, timeoutMs: 9 },
    });
    const [plain, full] = edge.asked.map(({ body }) => body as { QOS: object });
    expect(plain).toMatchObject({ destination: "sae-c" });
    expect(plain?.QOS).not.toHaveProperty("Key_chunk_size");
    expect(full).toMatchObject({
      destination: "sae-c",
      source: "sae-a",
      key_stream_ID: KSID,
      QOS: { Key_chunk_size: 64, Timeout: 9, Max_bps: 0, TTL: 0 },
    });
    expect(edge.asked[0]).toMatchObject({ method: "POST", url: "/api/v1/streams" });
    expect(edge.asked[0]?.headers.authorization).toBe("Bearer a-token");
  });

  test("status 7 brings what could be had", async () => {
    edge.answers(no(7, 422, { QOS: { ...QOS, Min_bps: 5 } }));
    const error = await failure(clientOf().openConnect({ destination: "sae-c", qos: { minBps: 9 } }));
    expect(error).toBeInstanceOf(StreamError);
    expect(error).toMatchObject({ status: STREAM_STATUS["qos-not-met"], httpStatus: 422, qos: { ...qos, minBps: 5 } });
  });

  test("a stream in place of the one that is joined is none", async () => {
    edge.answers({ body: { status: 0, key_stream_ID: KSID, QOS } });
    const joining = { destination: "sae-c", ksid: KSID.toUpperCase() };
    expect(await clientOf().openConnect(joining)).toMatchObject({ ksid: KSID });
    const other = { ...joining, ksid: crypto.randomUUID() };
    expect(await failure(clientOf().openConnect(other))).toBeInstanceOf(AnswerError);
  });

  test("the binding, where it is another one, goes with every call", async () => {
    const client = clientOf({ binding: "json-tcp" });
    edge.answers({ body: { status: 0, key_stream_ID: KSID, QOS } }, { body: chunk(0) }, { body: { status: 0 } });
    await client.close(
      await client.openConnect({ destination: "sae-c" }).then(async (opened) => {
        await client.getKey(opened);
        return opened;
      }),
    );
    expect(edge.asked.map(({ body }) => (body as { binding: string }).binding)).toEqual(Array(3).fill("json-tcp"));
  });
});

describe("GET_KEY", () => {
  test("a chunk, with its metadata where there is room for it", async () => {
    edge.answers({ body: chunk(3, { Metadata: '{"age":5,"hops":0,"vendor":1}' }) });
    const given = await clientOf().getKey(stream, { index: 3, metadataSize: 64 });
    expect(given).toEqual({ index: 3, key: keyOf(3), metadata: { age: 5, hops: 0 } });
    expect(edge.asked).toMatchObject([
      { url: `/api/v1/streams/${KSID}/get_key`, body: { index: 3, Metadata_size: 64 } },
    ]);
  });

  test("of a hybrid stream, metadata says what the chunk is made of", async () => {
    const hybrid = {
      method: "cat-kdf",
      sources: ["ML-KEM-768", "QKD"],
      dropped: ["HQC-128"],
      confirmed: true,
      kem: "edge",
    };
    edge.answers({ body: chunk(0, { Metadata: JSON.stringify({ age: 5, hops: 0, ...hybrid }) }) });
    const given = await clientOf().getKey(stream, { metadataSize: 1000 });
    expect(given.metadata).toEqual({ age: 5, hops: 0, ...hybrid });
  });

  test("no metadata, or such as nobody knows, loses no chunk", async () => {
    edge.answers({ body: chunk(0) }, { body: chunk(1, { Metadata: "<age/>" }) });
    expect((await clientOf().getKey(KSID)).metadata).toBeNull();
    expect((await clientOf().getKey(KSID)).metadata).toBeNull();
  });

  test.each([
    ["shorter than agreed", { Key_buffer: "AAAA" }, "chunk 0 has 3 bytes, not 32"],
    ["empty", { Key_buffer: "" }, "chunk 0 has 0 bytes, not 32"],
    ["no base64", { Key_buffer: "AAA" }, "chunk 0 is not base64"],
    ["without its index", { index: undefined }, "not what /api/v1/streams promises"],
  ])("a chunk that is %s is rejected", async (_what, more, message) => {
    edge.answers({ body: chunk(0, more) });
    const error = await failure(clientOf().getKey(stream));
    expect(error).toBeInstanceOf(AnswerError);
    expect(error.message).toContain(message);
  });

  test("a chunk in place of the one asked for is rejected", async () => {
    edge.answers({ body: chunk(4) });
    const error = await failure(clientOf().getKey(stream, { index: 3 }));
    expect(error).toMatchObject({ name: "AnswerError", message: "chunk 4 came in place of 3" });
  });

  test("status 8 tells the size, 9 that there is no such stream", async () => {
    edge.answers(no(8, 422, { Metadata_size: 33 }));
    expect(await failure(clientOf().getKey(stream, { metadataSize: 1 }))).toMatchObject({
      status: 8,
      metadataSize: 33,
    });
    edge.answers(no(9, 404));
    expect(await failure(clientOf().getKey("../x"))).toMatchObject({ status: 9, message: "no (status 9)" });
    expect(edge.asked[0]?.url).toBe("/api/v1/streams/..%2Fx/get_key");
  });
});

describe("asking again", () => {
  const unavailable = { status: 503, body: { message: "a part does not answer" } };
  const limited = { status: 429, body: { message: "too many" } };

  test.each([
    ["no key for the next chunk", no(2, 503), (client: Etsi004Client) => client.getKey(stream)],
    ["an outage, with the chunk named", unavailable, (client: Etsi004Client) => client.getKey(stream, { index: 0 })],
  ])("%s: later", async (_what, reply, call) => {
    edge.answers(reply, reply, { body: chunk(0) });
    expect(await call(clientOf())).toMatchObject({ index: 0 });
    expect(pauses).toBe(2);
  });

  test.each([
    // The next chunk may have been taken, and a stream opened: a second call would mean others.
    ["an outage in the next chunk", unavailable, (client: Etsi004Client) => client.getKey(stream)],
    ["an outage in a new stream", unavailable, (client: Etsi004Client) => client.openConnect({ destination: "sae-c" })],
    ["no connection", no(4, 503), (client: Etsi004Client) => client.openConnect({ destination: "sae-c", ksid: KSID })],
    ["a timeout", no(6, 504), (client: Etsi004Client) => client.getKey(stream, { index: 0 })],
    ["no peer yet", no(3, 409), (client: Etsi004Client) => client.getKey(stream)],
    ["too many calls", limited, (client: Etsi004Client) => client.getKey(stream, { index: 0 })],
  ])("%s: thrown at once", async (_what, reply, call) => {
    edge.answers(reply);
    expect(await failure(call(clientOf()))).toBeInstanceOf(RefusedError);
    expect(edge.asked).toHaveLength(1);
  });
});

test("CLOSE", async () => {
  edge.answers({ body: { status: 0 } }, no(9, 404));
  await clientOf().close(stream);
  expect(await failure(clientOf().close(KSID))).toMatchObject({ status: 9 });
  expect(edge.asked.map(({ url }) => url)).toEqual(Array(2).fill(`/api/v1/streams/${KSID}/close`));
});

const collect = async (chunks: AsyncIterable<{ readonly index: number }>, count = Infinity): Promise<number[]> => {
  const indices: number[] = [];
  for await (const { index } of chunks) {
    indices.push(index);
    if (indices.length === count) break;
  }
  return indices;
};

describe("a flow of key, fetched", () => {
  test("goes on after what passes", async () => {
    edge.answers(no(3, 409), { body: chunk(0) }, no(6, 504), no(2, 503), { body: chunk(1) });
    expect(await collect(clientOf({ attempts: 1 }).keys(stream), 2)).toEqual([0, 1]);
    expect(pauses).toBe(3);
  });

  test("ends with what does not", async () => {
    edge.answers({ body: chunk(0) }, no(9, 404));
    expect(await failure(collect(clientOf().keys(stream)))).toMatchObject({ status: 9 });
  });
});

const pushing = (more: Partial<Etsi004Options> = {}): Etsi004Client =>
  clientOf({ webSocket: (url, headers) => new WebSocket(url, { headers }), ...more });
const send = (socket: WebSocket, index: number): void =>
  socket.send(JSON.stringify({ ...chunk(index), Metadata: index === 0 ? "" : '{"age":1,"hops":2}' }));

describe("a flow of key, pushed", () => {
  let sockets: WebSocketServer;
  let serve: (socket: WebSocket, credits: number, received: number) => void;
  let authorization: string | undefined;

  beforeAll(() => {
    sockets = new WebSocketServer({ server: edge.server, path: `/api/v1/streams/${KSID}/ws` });
    sockets.on("connection", (socket, { headers }) => {
      ({ authorization } = headers);
      socket.on("message", (data: Buffer) => {
        const demand = JSON.parse(data.toString()) as { credits?: number; received: number };
        serve(socket, demand.credits ?? 0, demand.received);
      });
    });
  });
  afterAll(() => sockets.close());

  test("as many as there are credits for, until the peer has closed", async () => {
    let [next, most, due] = [0, 0, 0];
    serve = (socket, credits) => {
      due += credits;
      most = Math.max(most, due);
      for (; due > 0 && next < 20; due--) send(socket, next++);
      if (next === 20) socket.close(1000, "drained");
    };
    const seen: unknown[] = [];
    for await (const given of pushing().keys(stream, { credits: 4 })) seen.push(given);
    expect(seen).toEqual(
      Array.from({ length: 20 }, (_, index) => ({
        index,
        key: keyOf(index),
        metadata: index === 0 ? null : { age: 1, hops: 2 },
      })),
    );
    expect(most).toBe(4);
    expect(authorization).toBe("Bearer a-token");
  });

  test("where no header can be set, the token goes as a subprotocol", async () => {
    serve = (socket) => send(socket, 0);
    const offered: (readonly string[])[] = [];
    const browser = pushing({
      webSocket: (url, _headers, protocols) => {
        offered.push(protocols);
        return new WebSocket(url, [...protocols]);
      },
    });
    expect(await collect(browser.keys(stream), 1)).toEqual([0]);
    expect(offered).toEqual([["qkdedge.stream.v1", "bearer.a-token"]]);
    expect(authorization).toBeUndefined();
  });

  test("with receipts, where more credits are given than may be on their way", async () => {
    const [window, count] = [windowMessages(32), 3 * LIMITS.streamCredits];
    let [next, due] = [0, 0];
    serve = (socket, credits, received) => {
      due += credits;
      expect(received).toBeLessThanOrEqual(next);
      for (; due > 0 && next < Math.min(count, received + window); due--) send(socket, next++);
    };
    const seen = pushing().keys(stream, { credits: LIMITS.streamCredits });
    expect(await collect(seen, count)).toHaveLength(count);
  });

  test("who has enough, hangs up", async () => {
    let closed: Promise<readonly unknown[]> = Promise.resolve([]);
    serve = (socket, credits) => {
      closed = once(socket, "close");
      for (let index = 0; index < credits; index++) send(socket, index);
    };
    expect(await collect(pushing().keys(stream), 3)).toEqual([0, 1, 2]);
    const [code] = await closed;
    expect(code).toBe(1000);
  });

  test.each<[string, (socket: WebSocket) => void, object]>([
    ["revoked", (socket) => socket.close(4401, "the caller may not be here any more"), { httpStatus: 4401 }],
    ["cut off", (socket) => socket.terminate(), { httpStatus: 1006 }],
    ["sent nonsense", (socket) => socket.send("{}"), { name: "AnswerError", message: "a message that is no chunk" }],
    [
      "sent a short chunk",
      (socket) => socket.send(JSON.stringify(chunk(0, { Key_buffer: "AAAA" }))),
      { name: "AnswerError" },
    ],
    [
      "sent too many",
      (socket) => [0, 1, 2].forEach((index) => send(socket, index)),
      { name: "AnswerError", message: "a chunk beyond the credits" },
    ],
  ])("%s", async (_what, act, error) => {
    let acted = false;
    serve = (socket) => {
      if (!acted) act(socket);
      acted = true;
    };
    expect(await failure(collect(pushing().keys(stream, { credits: 2 })))).toMatchObject(error);
  });

  test("refused before it begins, and ended by the caller's signal", async () => {
    const nobody = pushing({ webSocket: () => new WebSocket(`${edge.url.replace("http", "ws")}/elsewhere`) });
    expect(await failure(collect(nobody.keys(stream)))).toBeInstanceOf(UnreachableError);
    const controller = new AbortController();
    serve = () => controller.abort(new Error("enough"));
    expect((await failure(collect(pushing().keys(stream, { signal: controller.signal })))).message).toBe("enough");
  });

  test("after the caller's signal no chunk comes, though some are there", async () => {
    serve = (socket, credits) => {
      for (let index = 0; index < credits; index++) send(socket, index);
    };
    const controller = new AbortController();
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { index } of pushing().keys(stream, { signal: controller.signal })) {
        seen.push(index);
        controller.abort(new Error("enough"));
      }
    };
    expect([(await failure(reading())).message, seen]).toEqual(["enough", [0]]);
  });

  test("a socket that comes after the caller's signal is closed", async () => {
    const controller = new AbortController();
    const { promise: late, resolve: come } = Promise.withResolvers<WebSocket>();
    const asked = Promise.withResolvers<null>();
    const slow = pushing({
      webSocket: async () => {
        asked.resolve(null);
        return await late;
      },
    });
    const reading = failure(collect(slow.keys(stream, { signal: controller.signal })));
    await asked.promise;
    controller.abort(new Error("enough"));
    expect((await reading).message).toBe("enough");
    const socket = new WebSocket(`${edge.url.replace("http", "ws")}/api/v1/streams/${KSID}/ws`);
    await once(socket, "open");
    come(socket);
    const [code] = (await once(socket, "close")) as [number];
    expect(code).toBe(1000);
  });
});
