/**
 * Where ETSI GS QKD 014 is silent or leaves a choice: what our KMEs answer, as `shared/etsi014/README.md` has it; and what
 * existing clients send and expect, beyond the standard.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../shared/network/document.ts";
import {
  decKeys,
  encKeys,
  expectError,
  expectKeys,
  expectStatus,
  expectUnauthorised,
  freshKeys,
  idsOf,
  MESSAGES,
  statusOf,
  storedCount,
} from "./expect.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

test("an SAE is served by the KME of its own site only", async () => {
  expectUnauthorised(await rig.client(rig.A, "tn-2").call(`/${rig.B}/status`));
});

test("401 has no body; another's wrong master is 401, too", async () => {
  const keys = await freshKeys(rig.a, rig.B);
  expectUnauthorised(await decKeys(rig.neighbour, rig.A, idsOf(keys)));
  expectUnauthorised(await decKeys(rig.a, rig.A, idsOf(keys)));
});

test("status_extension: conservation, custody and health", async () => {
  const { status_extension: extension } = await statusOf(rig.a, rig.B);
  expect(extension?.["qkdedge"]).toMatchObject({
    conserved: true,
    custody: "edge",
    simulated: true,
    health: { quarantined_blocks: 0 },
  });
});

test("a wrong method is 405 with Allow", async () => {
  const status = await rig.a.call(`/${rig.B}/status`, { method: "POST", body: {} });
  expectError(status, undefined, 405);
  expect(status.headers.allow).toBe("GET");
  for (const method of ["PUT", "DELETE"]) {
    const answer = await rig.a.call(`/${rig.B}/enc_keys`, { method });
    expectError(answer, undefined, 405);
    expect(answer.headers.allow).toBe("GET, POST");
  }
});

test("details of an unknown extension_mandatory", async () => {
  const { json } = await encKeys(rig.a, rig.B, { extension_mandatory: [{ zzz_unknown: 1 }] });
  expect(json).toMatchObject({ details: [{ extension_mandatory_unsupported: "zzz_unknown is not supported" }] });
});

test("direct: met between neighbours, not within a node nor where there is no link; any other value is 400", async () => {
  const direct = { extension_mandatory: [{ qkdedge_route_type: "direct" }] };
  expectKeys(await encKeys(rig.a, rig.B, direct), 1);
  for (const slave of [rig.sameNode, rig.C]) expectError(await encKeys(rig.a, slave, direct), MESSAGES.unmet);
  expectError(await encKeys(rig.a, rig.B, { extension_mandatory: [{ qkdedge_route_type: "by pigeon" }] }));
  expectKeys(await encKeys(rig.a, rig.B, { extension_mandatory: direct.extension_mandatory[0] }), 1);
});

test("a pair without a link between its nodes: keys over the nodes between", async () => {
  expectKeys(await rig.a.call(`/${rig.C}/enc_keys`), 1);
});

test("where the policy has it so: an unknown extension_optional, one additional slave, keys over other nodes are 400", async () => {
  const relay = { ...DEFAULT_POLICY.relay, enabled: false };
  await rig.withPolicy({ extension_optional: "refuse", max_sae_id_count: 0, relay }, async () => {
    expectError(await encKeys(rig.a, rig.B, { extension_optional: [{ zzz_unknown: 1 }] }), MESSAGES.optional);
    expectError(await encKeys(rig.a, rig.B, { additional_slave_SAE_IDs: [rig.sameSite] }));
    expectError(await rig.a.call(`/${rig.C}/enc_keys`));
  });
});

test("keys come in the order asked for; duplicates, repeated key_ID and too many IDs are 400 and cost nothing", async () => {
  const keys = (await freshKeys(rig.a, rig.B, 128)).toReversed();
  const [one, other] = idsOf(keys);
  expectError(await decKeys(rig.b, rig.A, [one ?? "", (one ?? "").toUpperCase()]));
  expectError(await rig.b.call(`/${rig.A}/dec_keys?key_ID=${one}&key_ID=${other}`));
  expectError(await decKeys(rig.b, rig.A, [...idsOf(keys), crypto.randomUUID()]));
  expect(expectKeys(await decKeys(rig.b, rig.A, idsOf(keys)), 128)).toEqual(keys);
});

test("too few keys: 503 with Retry-After, nothing consumed", async () => {
  const { max_key_per_request: most, max_key_size: size } = await statusOf(rig.still.a, rig.still.B);
  for (;;) {
    const before = await storedCount(rig.still.a, rig.still.B);
    const answer = await encKeys(rig.still.a, rig.still.B, { number: most, size });
    if (answer.status === 200) continue;
    expectError(answer, "not enough keys available", 503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(await storedCount(rig.still.a, rig.still.B)).toBe(before);
    return;
  }
});

test("an unknown slave is 400 in status, too; HTTP answers are never to be stored", async () => {
  expectError(await rig.a.call("/no-such-sae/status"));
  const answer = await rig.a.call(`/${rig.B}/status`);
  expectStatus(answer);
  expect(answer.headers["cache-control"]).toBe("no-store");
});

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
