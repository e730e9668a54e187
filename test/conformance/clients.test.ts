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
