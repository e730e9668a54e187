/** Where ETSI GS QKD 014 is silent or leaves a choice: what our KMEs answer, as `shared/etsi014/README.md` has it. */
import { afterAll, beforeAll, expect, test } from "vitest";
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

test("an unknown extension_optional where the policy refuses: exact message", async () => {
  await rig.withPolicy({ extension_optional: "refuse" }, async () => {
    expectError(await encKeys(rig.a, rig.B, { extension_optional: [{ zzz_unknown: 1 }] }), MESSAGES.optional);
  });
});

test("max_sae_id_count 0: one additional slave is too many", async () => {
  await rig.withPolicy({ max_sae_id_count: 0 }, async () => {
    expectError(await encKeys(rig.a, rig.B, { additional_slave_SAE_IDs: [rig.sameSite] }));
  });
});

test("a pair without a link between its nodes: keys over the nodes between, or a clear 400 where nothing is relayed", async () => {
  expectKeys(await rig.a.call(`/${rig.C}/enc_keys`), 1);
  await rig.withPolicy({ relay: { ...DEFAULT_POLICY.relay, enabled: false } }, async () => {
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
