/** Part 2: Get status (clauses 5.2, 6.1). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectError, expectKeys, expectStatus, statusOf, storedCount } from "./expect.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

describe("ETSI 014 part 2: status", () => {
  test("014-S01 all eleven members, of the right types", async () => {
    const status = expectStatus(await rig.a.call(`/${rig.B}/status`));
    const integers = [
      status.key_size,
      status.stored_key_count,
      status.max_key_count,
      status.max_key_per_request,
      status.max_key_size,
      status.min_key_size,
      status.max_SAE_ID_count,
    ];
    for (const integer of integers) expect(Number.isInteger(integer) && integer >= 0).toBe(true);
  });

  test("014-S02 master is the caller, slave the path's", async () => {
    expect(await statusOf(rig.a, rig.B)).toMatchObject({ master_SAE_ID: rig.A, slave_SAE_ID: rig.B });
  });

  test("014-S03 the figures agree with each other", async () => {
    const status = await statusOf(rig.a, rig.B);
    expect(status.min_key_size).toBeLessThanOrEqual(status.key_size);
    expect(status.key_size).toBeLessThanOrEqual(status.max_key_size);
    expect(status.stored_key_count).toBeLessThanOrEqual(status.max_key_count);
    expect(status.max_key_per_request).toBeGreaterThanOrEqual(1);
  });

  test("014-S04 from the other end the KME IDs are swapped", async () => {
    const [here, there] = [await statusOf(rig.a, rig.B), await statusOf(rig.b, rig.A)];
    expect([there.source_KME_ID, there.target_KME_ID]).toEqual([here.target_KME_ID, here.source_KME_ID]);
    expect(here.source_KME_ID).not.toBe(here.target_KME_ID);
  });

  test("014-S05 unknown slave: 400", async () => {
    expectError(await rig.a.call("/no-such-sae/status"));
  });

  test("014-S06 an SAE ID that needs URL-encoding is decoded once", async () => {
    const status = expectStatus(await rig.a.call(`/${encodeURIComponent(rig.odd)}/status`));
    expect(status.slave_SAE_ID).toBe(rig.odd);
  });

  test("014-S07 POST status: 405", async () => {
    const answer = await rig.a.call(`/${rig.B}/status`, { method: "POST", body: {} });
    expectError(answer, undefined, 405);
    expect(answer.headers.allow).toBe("GET");
  });

  test("014-S08 stored_key_count falls by what is taken", async () => {
    const before = await storedCount(rig.still.a, rig.still.B);
    expectKeys(await rig.still.a.call(`/${rig.still.B}/enc_keys?number=7`), 7);
    expect(await storedCount(rig.still.a, rig.still.B)).toBe(before - 7);
  });

  test("014-S09 status_extension is an object, with conservation and health", async () => {
    const { status_extension: extension } = await statusOf(rig.a, rig.B);
    expect(extension?.["qkdedge"]).toMatchObject({
      conserved: true,
      custody: "edge",
      simulated: true,
      health: { quarantined_blocks: 0 },
    });
  });
});
