import { describe, expect, test } from "vitest";
import { fail, type JsonValue } from "../../errors/errors.ts";
import { LIMITS } from "../../limits.ts";
import { NO_WISHES } from "../qos.ts";
import type { Ksid } from "../types.ts";
import { badRequest, idsAvailable, keysGiven, statusAnswer, streamOpened } from "./action-answers.ts";
import {
  parseAttach,
  parseIdsWanted,
  parseIndexes,
  parseOpenConnect,
  parseOpenStream,
  parseStream,
} from "./action-requests.ts";
import { MODULE_STATUS, type ModuleStatusName } from "./codes.ts";

const ksid = "00112233-4455-4677-8899-aabbccddeeff" as Ksid;
const ends = { source: "sae-a", destination: "sae-b" };

const openedWith = (members: { [name: string]: JsonValue }) => {
  const parsed = parseOpenConnect({ ...ends, ...members });
  return parsed.ok ? parsed.value : parsed.error.message;
};

const qosOf = (qos_parameters: JsonValue) => openedWith({ qos_parameters });

const wanted = (query: string) => {
  const parsed = parseIdsWanted(new URLSearchParams(query));
  return parsed.ok ? parsed.value : "refused";
};

describe("requests of qkd-module 1.0", () => {
  test("open_connect: the two ends are enough", () => {
    const expected = { ...ends, ksid: null, qos: NO_WISHES };
    expect(openedWith({})).toEqual(expected);
    expect(openedWith({ key_stream_ID: null, qos_parameters: null, spare: 1 })).toEqual(expected);
    expect(openedWith({ key_stream_ID: ksid.toUpperCase() })).toMatchObject({ ksid });
    expect(openedWith({ key_stream_ID: "mine" })).toBe("key_stream_ID: shall be a UUID");
    expect(parseOpenConnect({ source: "sae-a" })).toMatchObject({ ok: false });
    expect(parseOpenConnect([])).toMatchObject({ ok: false });
  });

  test("open_connect: QOS as an object or a list of objects; bytes before bits", () => {
    const expected = { qos: { ...NO_WISHES, chunkBytes: 16, timeoutMs: 5000 } };
    expect(qosOf({ length: 128, timeout: 5000, ttl: 7 })).toMatchObject(expected);
    expect(qosOf([{ key_chunk_size: 16 }, { length: 64 }, { timeout: 5000 }])).toMatchObject(expected);
    expect(qosOf({ length: 127 })).toContain("qos_parameters");
    for (const none of [{ key_chunk_size: -1 }, { key_chunk_size: 0 }, { length: 0 }]) {
      expect(qosOf(none)).toContain("qos_parameters");
    }
    expect(qosOf(Array.from({ length: LIMITS.streamQosObjects + 1 }, () => ({})))).toContain("qos_parameters");
  });

  test("get_key and check_id", () => {
    const read = (indexes: JsonValue) => parseIndexes({ key_stream_ID: ksid, indexes, metadata: null });
    expect(read([7, 4_294_967_295, 0])).toEqual({ ok: true, value: { ksid, indices: [7, 4_294_967_295, 0] } });
    for (const wrong of [[], [1, 1], [-1], [0.5], ["1"], [4_294_967_296], "1", null]) {
      expect([wrong, read(wrong).ok]).toEqual([wrong, false]);
    }
    const many = Array.from({ length: LIMITS.streamChunksAtOnce + 1 }, (_, i) => i);
    expect(read(many.slice(1)).ok).toBe(true);
    expect(read(many).ok).toBe(false);
  });

  test("close and exchange: text that is no UUID is a stream nobody has", () => {
    expect(parseStream({ key_stream_ID: ksid })).toEqual({ ok: true, value: { ksid } });
    expect(parseStream({ key_stream_ID: "x" })).toEqual({ ok: true, value: { ksid: null } });
    expect(parseStream({ key_stream_ID: 7 }).ok).toBe(false);
    expect(parseStream({}).ok).toBe(false);
  });

  test("open_stream, attach", () => {
    expect(parseOpenStream({ key_stream_ID: ksid, ...ends })).toEqual({ ok: true, value: { ksid, ...ends } });
    expect(parseOpenStream(ends).ok).toBe(false);
    const attach = { qks_src_IP: "10.0.0.1", qks_src_port: 4000, qks_src_ID: "a", qks_dest_ID: "b" };
    const value = { sourceHost: "10.0.0.1", sourcePort: 4000, sourceId: "a", destinationId: "b" };
    expect(parseAttach(attach)).toEqual({ ok: true, value });
    expect(parseAttach({ ...attach, qks_src_port: 0 }).ok).toBe(false);
    expect(parseAttach({ ...attach, qks_src_port: 65_536 }).ok).toBe(false);
  });

  test("get_id: how many, all, the first n", () => {
    expect(wanted("")).toEqual({ answer: "count" });
    expect(wanted("count=-1")).toEqual({ answer: "indexes", max: null });
    expect(wanted("count=3")).toEqual({ answer: "indexes", max: 3 });
    for (const wrong of ["-2", "x", "", "1.5", "1e3", "9".repeat(400)])
      expect(wanted(`count=${wrong}`)).toBe("refused");
  });
});

describe("answers of qkd-module 1.0", () => {
  test("success", () => {
    expect(streamOpened(ksid)).toEqual({ httpStatus: 200, body: { status: 0, key_stream_ID: ksid } });
    expect(keysGiven([4, 9], Uint8Array.of(1, 2, 3, 255), 2)).toEqual({
      httpStatus: 200,
      body: { status: 0, indexes: [4, 9], keys: ["AQI=", "A/8="] },
    });
    expect(idsAvailable(3)).toEqual({ httpStatus: 200, body: { status: 0, available_indexes: 3 } });
    expect(idsAvailable([5])).toEqual({ httpStatus: 200, body: { status: 0, available_indexes: [5] } });
    expect(statusAnswer("success")).toEqual({ httpStatus: 200, body: { status: 0, message: "successfull" } });
  });

  test("K-02, K-04 the other statuses, 1 to 14, are 503 with the original's message", () => {
    const others = (Object.keys(MODULE_STATUS) as ModuleStatusName[]).filter((name) => name !== "success");
    const answers = others.map((name) => statusAnswer(name));
    expect(answers.map(({ httpStatus }) => httpStatus)).toEqual(others.map(() => 503));
    expect(answers.map(({ body }) => "status" in body && body.status)).toEqual(others.map((_, i) => i + 1));
    expect(statusAnswer("unknown-ksid").body).toEqual({
      status: 9,
      message: "Request failed because KSID not found",
    });
  });

  test("K-05 a body that cannot be used", () => {
    const plain = fail("bad-request", "the body is not JSON").error;
    expect(badRequest("json", plain)).toEqual({
      httpStatus: 400,
      body: { message: "bad request: request does not contains a valid json object" },
    });
    const parsed = parseStream({});
    expect(parsed.ok || badRequest("json", parsed.error).body).toMatchObject({
      message: "bad request: request does not contains a valid json object",
      details: [{ pointer: "/key_stream_ID" }],
    });
    expect(badRequest("argument", plain).body).toEqual({
      message: "bad request: request does not contains a valid argument",
    });
  });
});
