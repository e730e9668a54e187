/** What existing ETSI 014 clients send and expect, beyond the standard. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectError, expectKeys, freshKeys, MESSAGES } from "./expect.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

describe("clients that exist", () => {
  test("arnika: GET only, the peer's id in the path whatever the role, exact query strings", async () => {
    const [key] = expectKeys(await rig.a.call(`/${rig.B}/enc_keys?number=1&size=256`), 1, 256);
    expect(expectKeys(await rig.b.call(`/${rig.A}/dec_keys?key_ID=${key?.key_ID}`), 1, 256)).toEqual([key]);
  });

  test("arnika: both ends fetch in turns over the same base URLs", async () => {
    const [key] = expectKeys(await rig.b.call(`/${rig.A}/enc_keys?number=1&size=256`), 1, 256);
    expect(expectKeys(await rig.a.call(`/${rig.B}/dec_keys?key_ID=${key?.key_ID}`), 1)).toEqual([key]);
  });

  test("arnika's mock: POST status is 405, a query on POST and a body on GET are ignored, unknown paths are 404", async () => {
    expectError(await rig.a.call(`/${rig.B}/status`, { body: {} }), undefined, 405);
    expectKeys(await rig.a.call(`/${rig.B}/enc_keys?number=5&size=64`, { body: { number: 2, size: 128 } }), 2, 128);
    expectKeys(await rig.a.call(`/${rig.B}/enc_keys`, { method: "GET", body: { number: 3 } }), 1);
    expectError(await rig.a.call(`/${rig.B}/nothing`), undefined, 404);
    expectError(await rig.a.call(`/${rig.B}/enc_keys/`), undefined, 404);
  });

  test("nanoy42's Python client: extensions as one object, POST with every parameter", async () => {
    const body = {
      number: 1,
      size: 256,
      additional_slave_SAE_IDs: [],
      extension_mandatory: { qkdedge_route_type: "direct" },
      extension_optional: { zzz: 1 },
    };
    expectKeys(await rig.a.call(`/${rig.B}/enc_keys`, { body }), 1, 256);
  });

  test("a C client for secure computation: &key_type=1 behind the query", async () => {
    expectKeys(await rig.a.call(`/${rig.B}/enc_keys?number=2&size=128&key_type=1`), 2, 128);
  });

  test("cybermerqury's suite: container entries come back as key_IDs, keys and all", async () => {
    const keys = await freshKeys(rig.a, rig.B, 2);
    expect(expectKeys(await rig.b.call(`/${rig.A}/dec_keys`, { body: { key_IDs: keys, keys } }), 2)).toEqual(keys);
  });

  test("clients that go by the text of errors get it letter by letter", async () => {
    expectError(await rig.b.call(`/${rig.A}/dec_keys?key_ID=${crypto.randomUUID()}`), MESSAGES.notFound);
    expectError(await rig.a.call(`/${rig.B}/enc_keys?size=65`), MESSAGES.size);
  });

  test("HEAD takes no key", async () => {
    const answer = await rig.a.call(`/${rig.B}/enc_keys`, { method: "HEAD" });
    expect([answer.status, answer.text]).toEqual([405, ""]);
  });
});

describe("clients of Open-QKD-Network: qTox, and the TLS demo of its KMS", () => {
  const BASIC = "Basic aHRtbDU6cGFzc3dvcmQ=";
  const FORM = "application/x-www-form-urlencoded";

  const post = async (path: string, body: string, authorization: string) => {
    const headers = { "Content-Type": FORM, Authorization: authorization };
    const answer = await fetch(rig.edge + path, { method: "POST", body, headers });
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  };
  /** As the demo's source has it, letter by letter. */
  const tokenOf = async (user: string): Promise<string> => {
    const body = `password=bot&client_secret=password&client=html5&username=${user}&grant_type=password&scope=openid`;
    const { json } = await post("/uaa/oauth/token", body, BASIC);
    expect(json).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) });
    return `Bearer ${String(json["access_token"])}`;
  };

  test("Q-01 to Q-03: a token by the fixed names, newkey at site A, the same key at site B", async () => {
    const [atA, atB] = [await tokenOf("pwebb"), await tokenOf("site2")];
    const { json: made } = await post("/api/newkey", "siteid=B", atA);
    expect(made).toEqual({
      index: expect.any(Number),
      hexKey: expect.stringMatching(/^[0-9a-f]{64}$/),
      blockId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const wanted = `siteid=A&index=${String(made["index"])}&blockid=${String(made["blockId"])}`;
    expect(await post("/api/getkey", wanted, atB)).toEqual({ status: 200, json: made });
    expect(await post("/api/getkey", wanted, atB)).toMatchObject({ status: 200, json: { index: -2, hexKey: null } });
  });

  test("Q-04, Q-05: an error without a token, index -2 with the wrong block", async () => {
    const wanted = `siteid=A&index=0&blockid=${crypto.randomUUID()}`;
    expect(await post("/api/getkey", wanted, "Bearer nobody")).toMatchObject({
      status: 401,
      json: { error: "invalid_token" },
    });
    const { json } = await post("/api/getkey", wanted, await tokenOf("site2"));
    expect(json).toEqual({ index: -2, hexKey: null, blockId: null, error: expect.any(String) });
  });
});
