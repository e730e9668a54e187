import { SELF } from "cloudflare:test";
import { beforeAll, describe, expect, test } from "vitest";
import { SOCKET_PROTOCOL } from "../../../shared/etsi004/window.ts";
import { LIMITS } from "../../../shared/limits.ts";
import {
  call,
  EDGE,
  NETWORK,
  NODE_UUIDS,
  post,
  setUp,
  token,
  withoutRelays,
} from "../../../test/support/in-workerd-network.ts";
import {
  bothOpen,
  closeAs,
  keyAs,
  openAs,
  statusOf,
  TEN_MEGABYTES,
  told,
} from "../../../test/support/in-workerd-stream-routes.ts";

beforeAll(async () => await setUp(4, withoutRelays(NETWORK)));

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TO_B = { destination: "sae-b" };

describe("a stream", () => {
  test("004-01 to 004-03: allocated by one end, joined by the other, gives both the same chunks", async () => {
    const QOS = { Key_chunk_size: 48, Timeout: 3000, TTL: 60, Priority: 2 };
    const opened = await openAs("sae-a", { source: "sae-a", ...TO_B, QOS });
    expect(opened).toMatchObject({ http: 200, body: { status: 1, QOS: { ...QOS, Max_bps: 0, Min_bps: 0 } } });
    const ksid = String(opened.body["key_stream_ID"]);
    expect(ksid).toMatch(UUID_4);
    const joined = await openAs("sae-b", { destination: "sae-a", key_stream_ID: ksid, QOS: { Key_chunk_size: 16 } });
    expect(joined).toEqual({ http: 200, body: { ...opened.body, status: 0 } });

    const chunks = new Set<unknown>();
    for (let index = 0; index < 10; index++) {
      const [a, b] = [await keyAs("sae-a", ksid, { index }), await keyAs("sae-b", ksid, { index })];
      expect(a).toEqual({ http: 200, body: { status: 0, index, Key_buffer: expect.any(String) } });
      expect(b).toEqual(a);
      expect(Uint8Array.fromBase64(String(a.body["Key_buffer"]))).toHaveLength(48);
      chunks.add(a.body["Key_buffer"]);
    }
    expect(chunks.size).toBe(10);
    expect(await closeAs("sae-a", ksid)).toEqual({ http: 200, body: { status: 0 } });
    expect((await keyAs("sae-a", ksid)).http).not.toBe(200);
  });

  test("004-04: whose index the caller does not choose gives the next", async () => {
    const ksid = await bothOpen();
    const first = await told(await call(`/api/v1/streams/${ksid}/get_key`, { as: "sae-a", method: "POST" }));
    const second = await keyAs("sae-a", ksid.toUpperCase());
    expect([first.body["index"], second.body["index"]]).toEqual([0, 1]);
    expect(await keyAs("sae-b", ksid, { index: 1 })).toEqual(second);
  });

  test("004-05: of a KSID both know: whoever comes first waits for the other", async () => {
    for (const [first, second] of [
      ["sae-a", "sae-b"],
      ["sae-b", "sae-a"],
    ] as const) {
      const ksid = crypto.randomUUID();
      const both = {
        source: `qkd://Application1@${NODE_UUIDS.n1}`,
        destination: `qkd://Application4@${NODE_UUIDS.n2}`,
      };
      const openings = [first, second].map(async (as) => await openAs(as, { ...both, key_stream_ID: ksid }));
      for (const opened of await Promise.all(openings))
        expect(opened.body).toMatchObject({ key_stream_ID: ksid, status: 0 });
      expect(await keyAs(first, ksid)).toEqual(await keyAs(second, ksid));
    }
  });

  test.each([
    ["client://localhost", "server://localhost"],
    ["x", "10.0.0.20:5000"],
    [null, "sae://sae-b:1234/x"],
    ["127.0.0.1", `qkd://sae-b@${NODE_UUIDS.n2.toUpperCase()}`],
  ])("from %s to %s is one of sae-a and sae-b", async (source, destination) => {
    const opened = await openAs("sae-a", { ...(source === null ? {} : { source }), destination });
    const ksid = String(opened.body["key_stream_ID"]);
    expect((await openAs("sae-b2", { destination: "sae-a", key_stream_ID: ksid })).body["status"]).toBe(5);
    expect((await openAs("sae-b", { destination: "sae-a", key_stream_ID: ksid })).body["status"]).toBe(0);
  });

  test.each([null, "00000000-0000-0000-0000-000000000000"])(
    "of a KSID %s gets one, and is not waited for",
    async (none) => {
      const opened = await openAs("sae-a", { ...TO_B, key_stream_ID: none });
      expect(opened).toMatchObject({ http: 200, body: { status: 1, key_stream_ID: expect.stringMatching(UUID_4) } });
    },
  );

  test("of two applications of one node", async () => {
    const opened = await openAs("sae-a", { destination: "sae-a2" });
    const ksid = String(opened.body["key_stream_ID"]);
    await openAs("sae-a2", { destination: "sae-a", key_stream_ID: ksid });
    expect(await keyAs("sae-a2", ksid)).toEqual(await keyAs("sae-a", ksid));
  });

  test("004-14, 004-15: metadata too large for its room costs no key", async () => {
    const ksid = await bothOpen();
    const small = await keyAs("sae-a", ksid, { index: 0, Metadata_size: 1 });
    expect(small).toMatchObject({ http: 422, body: { status: 8, Metadata_size: expect.any(Number) } });
    const given = await keyAs("sae-a", ksid, { index: 0, Metadata_size: Number(small.body["Metadata_size"]) + 8 });
    expect(given.http).toBe(200);
    expect(JSON.parse(String(given.body["Metadata"]))).toEqual({ age: expect.any(Number), hops: 0 });
    expect((await keyAs("sae-b", ksid, { index: 0 })).body["Key_buffer"]).toBe(given.body["Key_buffer"]);
  });
});

const failing = async (answer: ReturnType<typeof openAs>) => {
  const { http, body } = await answer;
  expect(body["message"]).toMatch(/./);
  return [http, body["status"]];
};

describe("a status that is no success", () => {
  test("2: a chunk far ahead", async () => {
    const ksid = await bothOpen();
    expect(await failing(keyAs("sae-a", ksid, { index: 1_000_000 }))).toEqual([503, 2]);
  });

  test("3: the other end is not there", async () => {
    const ksid = String((await openAs("sae-a", { ...TO_B, QOS: { Timeout: 100 } })).body["key_stream_ID"]);
    const [http, status] = await failing(keyAs("sae-a", ksid));
    expect([
      [409, 3],
      [504, 6],
    ]).toContainEqual([http, status]);
  });

  test.each([
    [{ destination: "nobody" }, "destination: means no SAE"],
    [{ source: "nobody", destination: "sae-a" }, "source: means no SAE"],
    [{ destination: "sae-a" }, "destination: is the calling SAE itself"],
    [{ destination: "qkd://sae-d" }, "n1 and n3"],
    [{ destination: "http:/sae-b" }, "destination: means no SAE"],
  ])("4: nobody there: %j", async (body, message) => {
    const { http, body: answer } = await openAs("sae-a", body);
    expect([http, answer]).toEqual([503, { status: 4, message: expect.stringContaining(message) }]);
  });

  test("5: others have the KSID", async () => {
    const ksid = await bothOpen();
    expect(await failing(openAs("sae-a2", { destination: "sae-b2", key_stream_ID: ksid }))).toEqual([409, 5]);
    expect((await keyAs("sae-a", ksid)).http).toBe(200);
  });

  test("6: the other end does not come", async () => {
    const wish = { ...TO_B, key_stream_ID: crypto.randomUUID(), QOS: { Timeout: 100 } };
    expect(await failing(openAs("sae-a", wish))).toEqual([504, 6]);
  });

  test("7: with the QOS that can be had", async () => {
    const refused = await openAs("sae-a", { ...TO_B, QOS: { Key_chunk_size: 4_000_000_000, Min_bps: 4_000_000_000 } });
    expect(refused).toMatchObject({ http: 422, body: { status: 7 } });
    expect(refused.body).not.toHaveProperty("key_stream_ID");
    expect((await openAs("sae-a", { ...TO_B, QOS: refused.body["QOS"] })).body["status"]).toBe(1);
    const { body } = await openAs("sae-a", { ...TO_B, QOS: { Metadata_mimetype: "x/unknown" } });
    expect(body).toMatchObject({ status: 7, QOS: { Metadata_mimetype: "application/json" } });
  });

  test.each(["0c6bdf05-b1a8-4d8a-b0a6-2d5b1b9f3f14", "no-uuid", "%20", "a%2Fb"])("9: no stream %s", async (ksid) => {
    expect(await failing(keyAs("sae-a", ksid))).toEqual([404, 9]);
    expect(await failing(closeAs("sae-a", ksid))).toEqual([404, 9]);
  });

  test("as another binding has it, for who serves that", async () => {
    const none = crypto.randomUUID();
    expect(await failing(keyAs("sae-a", none, { binding: "binary" }))).toEqual([404, 3]);
    expect(await failing(closeAs("sae-a", none, { binding: "json-tcp" }))).toEqual([404, 1]);
    const zero = { ...TO_B, QOS: { Timeout: 0 } };
    expect(await failing(openAs("sae-a", { ...zero, binding: "binary" }))).toEqual([504, 6]);
    expect((await openAs("sae-a", { ...zero, binding: "json-tcp" })).body["status"]).toBe(1);
    const huge = { ...TO_B, QOS: { Key_chunk_size: 4_000_000_000, Timeout: 5000 }, binding: "binary" };
    const opened = await openAs("sae-a", huge);
    expect(opened).toMatchObject({ http: 200, body: { status: 7, key_stream_ID: expect.stringMatching(UUID_4) } });
  });
});

const naming = (sae: string, node = "n1") => ({ "QKD-SAE": encodeURIComponent(sae), "QKD-Node": node });

describe("somebody else", () => {
  test("is told nothing of a stream", async () => {
    const ksid = await bothOpen();
    for (const as of ["sae-a2", "sae-b2", "sae-d"]) {
      expect(await keyAs(as, ksid)).toMatchObject({ http: 404, body: { status: 9 } });
      expect(await closeAs(as, ksid)).toMatchObject({ http: 404, body: { status: 9 } });
    }
    expect((await keyAs("sae-a", ksid)).http).toBe(200);
  });

  test.each([
    ["op", 403],
    ["agent-1", 403],
    ["stranger", 401],
    [null, 401],
  ])("%s: %i", async (as, http) => {
    for (const [path, method] of [
      ["", "POST"],
      [`/${crypto.randomUUID()}/get_key`, "POST"],
      [`/${crypto.randomUUID()}/close`, "POST"],
      [`/${crypto.randomUUID()}/ws`, "GET"],
    ] as const) {
      expect(await statusOf(`/api/v1/streams${path}`, { as, method })).toBe(http);
    }
  });

  test("may be an agent that speaks for an SAE of its site", async () => {
    const opened = await told(await post("/api/v1/streams", "agent-1", TO_B, naming("sae-a")));
    expect(opened).toMatchObject({ http: 200, body: { status: 1 } });
    const ksid = String(opened.body["key_stream_ID"]);
    await openAs("sae-b", { destination: "sae-a", key_stream_ID: ksid });
    const given = await told(await post(`/api/v1/streams/${ksid}/get_key`, "agent-1", {}, naming("sae-a")));
    expect(given.http).toBe(200);
    expect(await keyAs("sae-b", ksid)).toEqual(given);
    // Whom the agent names is who counts.
    expect((await post(`/api/v1/streams/${ksid}/get_key`, "agent-1", {}, naming("sae-a2"))).status).toBe(404);
    for (const headers of [naming("sae-b", "n2"), naming("sae-b"), naming("nobody")]) {
      expect((await post("/api/v1/streams", "agent-1", TO_B, headers)).status).toBe(401);
    }
    for (const as of ["sae-a", "op"]) {
      expect((await post("/api/v1/streams", as, TO_B, naming("sae-a"))).status).toBe(401);
    }
  });
});

describe("what is no request", () => {
  test.each([
    ["nothing", "", "not JSON"],
    ["no JSON", "['sae-a', 'sae-b', {}, None]", "not JSON"],
    ["a list", "[]", "shall be a JSON object"],
    ["deep nesting", "[".repeat(1000), "levels deep"],
    ["no destination", "{}", "destination"],
    ["a destination of another type", { destination: 5 }, "destination: shall be a string"],
    ["a long destination", { destination: "x".repeat(LIMITS.streamUriChars + 1) }, "destination: shall have at most"],
    ["a KSID that is none", { ...TO_B, key_stream_ID: "1" }, "key_stream_ID: shall be a UUID"],
    ["a chunk of no bytes", { ...TO_B, QOS: { Key_chunk_size: 0 } }, "QOS.Key_chunk_size: shall be an integer from 1"],
    ["a negative rate", { ...TO_B, QOS: { Min_bps: -1 } }, "QOS.Min_bps: shall be an integer"],
    ["half a second", { ...TO_B, QOS: { TTL: 0.5 } }, "QOS.TTL: shall be an integer"],
    ["2^32 milliseconds", { ...TO_B, QOS: { Timeout: 2 ** 32 } }, "QOS.Timeout: shall be an integer"],
    ["a long type", { ...TO_B, QOS: { Metadata_mimetype: "x".repeat(256) } }, "QOS.Metadata_mimetype"],
    ["a binding that is none", { ...TO_B, binding: "__proto__" }, "binding: shall be one of native"],
  ])("%s", async (_, body, message) => {
    const { http, body: answer } = await told(await post("/api/v1/streams", "sae-a", body));
    expect([http, answer["message"]]).toEqual([400, expect.stringContaining(message)]);
  });

  test.each([{ index: -1 }, { index: 2 ** 32 }, { index: "0" }, { Metadata_size: -1 }, []])(
    "a wrong index or size: %j",
    async (body) => {
      expect((await keyAs("sae-a", crypto.randomUUID(), body)).http).toBe(400);
    },
  );

  test("ten megabytes: 413, on every route", async () => {
    for (const path of ["", `/${crypto.randomUUID()}/get_key`, `/${crypto.randomUUID()}/close`]) {
      expect((await post(`/api/v1/streams${path}`, "sae-a", TEN_MEGABYTES)).status).toBe(413);
    }
  });

  test("other methods: 405; HEAD takes no key", async () => {
    const ksid = await bothOpen();
    for (const [path, allow] of [
      ["", "POST"],
      [`/${ksid}/get_key`, "POST"],
      [`/${ksid}/close`, "POST"],
      [`/${ksid}/ws`, "GET"],
    ]) {
      for (const method of ["HEAD", "PUT"]) {
        const response = await call(`/api/v1/streams${path}`, { as: "sae-a", method });
        expect([response.status, response.headers.get("Allow")]).toEqual([405, allow]);
      }
    }
    expect((await keyAs("sae-a", ksid)).body["index"]).toBe(0);
  });

  test("what may not be stored says so", async () => {
    const ksid = await bothOpen();
    const response = await post(`/api/v1/streams/${ksid}/get_key`, "sae-a", {});
    expect([response.headers.get("Cache-Control"), response.headers.get("Content-Type")]).toEqual([
      "no-store",
      "application/json",
    ]);
  });
});

const upgrade = async (ksid: string, more: Record<string, string> = {}, as = "sae-a") =>
  await SELF.fetch(`${EDGE}/api/v1/streams/${ksid}/ws`, {
    headers: { Upgrade: "websocket", Authorization: `Bearer ${token(as)}`, ...more },
  });

describe("the WebSocket", () => {
  test("gives the chunks that the caller's credits are for", async () => {
    const ksid = await bothOpen();
    const { webSocket: socket, status } = await upgrade(ksid, { Origin: EDGE });
    expect(status).toBe(101);
    if (socket === null) throw new Error("no WebSocket");
    const messages: unknown[] = [];
    const { promise: two, resolve } = Promise.withResolvers<void>();
    socket.addEventListener("message", ({ data }) => {
      messages.push(JSON.parse(String(data)));
      if (messages.length === 2) resolve();
    });
    socket.accept();
    socket.send('{"credits": 2}');
    await two;
    for (const index of [0, 1]) {
      const { body } = await keyAs("sae-b", ksid, { index });
      expect(messages[index]).toMatchObject({ index, Key_buffer: body["Key_buffer"] });
    }
    socket.close();
  });

  test("is opened by browsers, which cannot set headers, with a subprotocol", async () => {
    const ksid = await bothOpen();
    const headers = { Upgrade: "websocket", "Sec-WebSocket-Protocol": `${SOCKET_PROTOCOL}, bearer.${token("sae-a")}` };
    const opened = await SELF.fetch(`${EDGE}/api/v1/streams/${ksid}/ws`, { headers });
    expect([opened.status, opened.headers.get("Sec-WebSocket-Protocol")]).toEqual([101, SOCKET_PROTOCOL]);
    opened.webSocket?.accept();
    opened.webSocket?.close();
  });

  test("is nobody else's, and for no other page", async () => {
    const ksid = await bothOpen();
    expect((await upgrade(ksid, { Origin: "https://evil.example" })).status).toBe(403);
    expect((await upgrade(ksid, { Origin: "null" })).status).toBe(403);
    expect((await call(`/api/v1/streams/${ksid}/ws`, { as: "sae-a" })).status).toBe(426);
    for (const [as, at] of [
      ["sae-b2", ksid],
      ["sae-a", crypto.randomUUID()],
      ["sae-a", "x"],
    ] as const) {
      const response = await upgrade(at, { "X-Qkd-Stream-Socket": JSON.stringify({ principal: "sae:sae-a" }) }, as);
      expect([response.status, response.webSocket ?? null]).toEqual([404, null]);
    }
  });
});
