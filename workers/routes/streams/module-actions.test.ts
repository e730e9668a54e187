import { beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import {
  call,
  NODE_UUIDS,
  post,
  setUp,
  WITHOUT_GRACE,
  withoutRelays,
} from "../../../test/support/in-workerd-network.ts";
import { bothOpen, keyAs, statusOf, TEN_MEGABYTES, told } from "../../../test/support/in-workerd-stream-routes.ts";

beforeAll(async () => await setUp(4, withoutRelays(WITHOUT_GRACE)));

const ACTIONS = "/api/v1/qkdm/actions";
const act = async (as: string, name: string, body: unknown) => await told(await post(`${ACTIONS}/${name}`, as, body));
const ask = async (as: string, path: string) => await told(await call(`${ACTIONS}/${path}`, { as }));
const APPLICATIONS = {
  source: `qkd://Application1@${NODE_UUIDS.n1}`,
  destination: `qkd://Application4@${NODE_UUIDS.n2}`,
};
const NOT_FOUND = { http: 503, body: { status: 9, message: "Request failed because KSID not found" } };
const BAD_JSON = "bad request: request does not contains a valid json object";

/** As two key servers do: one module's KSID is taken to the other. */
async function opened(more: object = {}): Promise<string> {
  const first = await act("sae-a", "open_connect", { ...APPLICATIONS, ...more });
  expect(first).toEqual({ http: 200, body: { status: 0, key_stream_ID: expect.any(String) } });
  const ksid = String(first.body["key_stream_ID"]);
  expect(await act("sae-b", "open_connect", { ...APPLICATIONS, key_stream_ID: ksid })).toEqual(first);
  return ksid;
}

describe("qkd-module 1.0", () => {
  test("K-01: the same KSID, source and destination twice; nobody waits", async () => {
    const key_stream_ID = crypto.randomUUID();
    const body = { ...APPLICATIONS, key_stream_ID, qos_parameters: { timeout: 60_000 } };
    for (const as of ["sae-a", "sae-a", "sae-b", "sae-b"]) {
      expect(await act(as, "open_connect", body)).toEqual({ http: 200, body: { status: 0, key_stream_ID } });
    }
    expect(await act("sae-a2", "open_connect", { ...body, destination: "sae-b2" })).toEqual({
      http: 503,
      body: { status: 5, message: "OPEN_CONNECT failed because the KSID is already in use" },
    });
  });

  test("a chunk of a length that cannot be had: status 7, nothing is open; a Timeout that is too long is cut", async () => {
    const key_stream_ID = crypto.randomUUID();
    const wish = (qos_parameters: object) => ({ ...APPLICATIONS, key_stream_ID, qos_parameters });
    expect(await act("sae-a", "open_connect", wish({ key_chunk_size: 100_000 }))).toEqual({
      http: 503,
      body: { status: 7, message: "OPEN failed because requested QoS settings could not be met" },
    });
    expect(await act("sae-a", "close", { key_stream_ID })).toEqual(NOT_FOUND);
    const patient = wish({ key_chunk_size: 24, timeout: 4_000_000_000 });
    expect(await act("sae-a", "open_connect", patient)).toEqual({ http: 200, body: { status: 0, key_stream_ID } });
  });

  test("K-02: indexes of get_id give both modules the same keys, once each", async () => {
    const ksid = await opened({ qos_parameters: [{ key_chunk_size: 24 }] });
    const ids = await ask("sae-a", `get_id/${ksid}?count=3`);
    expect(ids).toEqual({ http: 200, body: { status: 0, available_indexes: [0, 1, 2] } });
    expect(await act("sae-b", "check_id", { key_stream_ID: ksid, indexes: [2, 0] })).toEqual({
      http: 200,
      body: { status: 0, message: "successfull" },
    });
    const request = { key_stream_ID: ksid, indexes: [2, 0], metadata: null };
    const a = await act("sae-a", "get_key", request);
    expect(a).toEqual({
      http: 200,
      body: { status: 0, indexes: [2, 0], keys: [expect.any(String), expect.any(String)] },
    });
    expect(Uint8Array.fromBase64((a.body["keys"] as string[])[0] ?? "")).toHaveLength(24);
    expect(await act("sae-b", "get_key", request)).toEqual(a);
    expect(await act("sae-a", "get_key", request)).toEqual({
      http: 503,
      body: { status: 2, message: "GET_KEY failed because insufficient key available" },
    });
  });

  test("K-03: one index that is not there, and nothing is given", async () => {
    const ksid = await opened();
    await ask("sae-a", `get_id/${ksid}?count=2`);
    const mixed = { key_stream_ID: ksid, indexes: [0, 1_000_000] };
    expect(await act("sae-a", "get_key", mixed)).toMatchObject({ http: 503, body: { status: 2 } });
    expect(await act("sae-a", "check_id", mixed)).toEqual({
      http: 503,
      body: { status: 10, message: "CHECK_ID failed because some ids are not available" },
    });
    expect((await act("sae-a", "get_key", { ...mixed, indexes: [0, 1] })).http).toBe(200);
  });

  test("get_id tells how many, the first, or all", async () => {
    const ksid = await opened();
    const count = await ask("sae-a", `get_id/${ksid}`);
    expect(count).toEqual({ http: 200, body: { status: 0, available_indexes: LIMITS.streamAheadChunks } });
    expect(await ask("sae-a", `get_id/${ksid}?count=0`)).toMatchObject({ body: { available_indexes: [] } });
    const all = await ask("sae-a", `get_ID/${ksid}?count=-1`);
    expect(all.body["available_indexes"]).toHaveLength(LIMITS.streamAheadChunks);
    expect((await ask("sae-a", `get_id/${ksid}?count=1000000`)).body).toEqual(all.body);
    for (const wrong of ["-2", "x", "", "1.5", "99999999999"]) {
      expect(await ask("sae-a", `get_id/${ksid}?count=${wrong}`)).toMatchObject({
        http: 400,
        body: { message: "bad request: request does not contains a valid argument" },
      });
    }
  });

  test("a stream whose other end has not come has no keys yet, and no fault", async () => {
    const first = await act("sae-a", "open_connect", { ...APPLICATIONS, qos_parameters: { timeout: 100 } });
    const key_stream_ID = String(first.body["key_stream_ID"]);
    expect((await ask("sae-a", `get_id/${key_stream_ID}`)).body).toEqual({ status: 0, available_indexes: 0 });
    expect((await act("sae-a", "check_id", { key_stream_ID, indexes: [0] })).body["status"]).toBe(10);
    expect((await act("sae-a", "exchange", { key_stream_ID })).body["status"]).toBe(0);
    expect([3, 6]).toContain((await act("sae-a", "get_key", { key_stream_ID, indexes: [0] })).body["status"]);
  });

  test("the other module may announce a stream, and begin it", async () => {
    const key_stream_ID = crypto.randomUUID();
    const ok = { http: 200, body: { status: 0, message: "successfull" } };
    expect(await act("sae-a", "open_connect", { ...APPLICATIONS, key_stream_ID })).toMatchObject({ http: 200 });
    expect(await act("sae-b", "open_stream", { ...APPLICATIONS, key_stream_ID })).toEqual(ok);
    expect(await act("sae-b", "exchange", { key_stream_ID })).toEqual(ok);
    expect((await act("sae-a", "get_key", { key_stream_ID, indexes: [0] })).http).toBe(200);
    expect(await act("sae-b2", "exchange", { key_stream_ID })).toEqual(NOT_FOUND);
    expect(await act("sae-a", "close", { key_stream_ID })).toEqual(ok);
  });

  test("attach: the network document says whom a module serves", async () => {
    const server = { qks_src_IP: "10.0.0.1", qks_src_port: 4000, qks_src_ID: "a", qks_dest_ID: "b" };
    expect(await act("sae-a", "attach", server)).toMatchObject({ http: 503, body: { status: 12 } });
    expect(await act("sae-a", "attach", {})).toMatchObject({ http: 400, body: { message: BAD_JSON } });
  });

  test("K-04: unknown KSIDs, and those of others", async () => {
    const foreign = await bothOpen();
    for (const [as, ksid] of [
      ["sae-a", crypto.randomUUID()],
      ["sae-a", "none"],
      ["sae-a2", foreign],
    ] as const) {
      for (const name of ["close", "exchange"]) expect(await act(as, name, { key_stream_ID: ksid })).toEqual(NOT_FOUND);
      for (const name of ["get_key", "check_id", "check_ID"]) {
        expect(await act(as, name, { key_stream_ID: ksid, indexes: [0] })).toEqual(NOT_FOUND);
      }
      expect(await ask(as, `get_id/${ksid}?count=1`)).toEqual(NOT_FOUND);
    }
    expect((await keyAs("sae-a", foreign)).http).toBe(200);
  });

  test.each([
    ["nobody", { source: "sae-a", destination: "nobody" }],
    ["a node that is no neighbour", { source: "sae-a", destination: "sae-d" }],
    ["itself", { source: "sae-a", destination: "sae-a" }],
  ])("status 4 for a stream with %s", async (_, body) => {
    expect(await act("sae-a", "open_connect", body)).toEqual({
      http: 503,
      body: { status: 4, message: "No QKD connection available" },
    });
  });

  test.each([
    ["open_connect", ["", "x", "[]", "{}", '{"source":1,"destination":"sae-b"}', "[".repeat(1000)]],
    ["get_key", ["", "null", "{}", '{"key_stream_ID":"x"}', '{"key_stream_ID":"x","indexes":"0"}']],
    ["check_id", ["{}", '{"key_stream_ID":"x","indexes":[-1]}', '{"key_stream_ID":"x","indexes":[0,0]}']],
    ["close", ["{}", '{"key_stream_ID":5}', "'x'"]],
    ["open_stream", ["{}", '{"key_stream_ID":"x","source":"sae-a","destination":"sae-b"}']],
    ["exchange", ["{}"]],
  ])("K-05: %s of what is no request", async (name, bodies) => {
    for (const body of bodies) {
      expect(await act("sae-a", name, body)).toMatchObject({ http: 400, body: { message: BAD_JSON } });
    }
    expect(await act("sae-a", name, TEN_MEGABYTES)).toMatchObject({ http: 413, body: { status: 4 } });
  });

  test("is for SAEs, by POST", async () => {
    for (const name of ["open_connect", "get_key", "close", "check_id", "open_stream", "exchange", "attach"]) {
      const path = `${ACTIONS}/${name}`;
      for (const [as, status] of [
        ["op", 403],
        ["agent-1", 403],
        [null, 401],
      ] as const) {
        expect(await statusOf(path, { as, method: "POST" })).toBe(status);
      }
      for (const method of ["GET", "HEAD"]) expect(await statusOf(path, { as: "sae-a", method })).toBe(405);
    }
    expect(await statusOf(`${ACTIONS}/get_id/x`, { as: "sae-a", method: "HEAD" })).toBe(405);
  });
});
