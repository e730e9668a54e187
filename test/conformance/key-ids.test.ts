/** Part 4: Get key with key IDs (clauses 5.4, 6.4). */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  decKeys,
  encKeys,
  expectError,
  expectKeys,
  expectUnauthorised,
  freshKeys,
  idsOf,
  type Key,
  MESSAGES,
  storedCount,
} from "./expect.ts";
import { type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

const fresh = async (number = 1) => await freshKeys(rig.a, rig.B, number);
const one = async (): Promise<Key> => (await fresh())[0] as Key;
const dec = async (ids: readonly string[]) => await decKeys(rig.b, rig.A, ids);
const get = async (query: string) => await rig.b.call(`/${rig.A}/dec_keys${query}`);
const post = async (body: unknown) => await rig.b.call(`/${rig.A}/dec_keys`, { method: "POST", body });

describe("ETSI 014 part 4: the slave gets what the master got", () => {
  test("014-D01 GET one key: same bytes, same ID", async () => {
    const key = await one();
    expect(expectKeys(await get(`?key_ID=${key.key_ID}`), 1)).toEqual([key]);
  });
  test("014-D02 POST one key", async () => {
    const key = await one();
    expect(expectKeys(await dec([key.key_ID]), 1)).toEqual([key]);
  });
  test("014-D03 three keys, in the order asked for", async () => {
    const keys = (await fresh(3)).toReversed();
    expect(expectKeys(await dec(idsOf(keys)), 3)).toEqual(keys);
  });
  test("014-D04 whole container entries fed back", async () => {
    const keys = await fresh(2);
    expect(expectKeys(await post({ key_IDs: keys }), 2)).toEqual(keys);
  });
  test("014-D14 an upper-case UUID", async () => {
    const key = await one();
    expect(expectKeys(await dec([key.key_ID.toUpperCase()]), 1)).toEqual([key]);
  });
  test("014-D21 extensions of IDs are ignored", async () => {
    const key = await one();
    const body = { key_IDs: [{ key_ID: key.key_ID, key_ID_extension: { a: 1 } }], key_IDs_extension: { b: 2 } };
    expect(expectKeys(await post(body), 1)).toEqual([key]);
  });
});

describe("ETSI 014 part 4: all or nothing, once", () => {
  test("014-D05 unknown key: exact message", async () => {
    expectError(await dec([crypto.randomUUID()]), MESSAGES.notFound);
  });
  test("014-D06 one good and one unknown: the same, and the good one stays", async () => {
    const key = await one();
    expectError(await dec([key.key_ID, crypto.randomUUID()]), MESSAGES.notFound);
    expect(expectKeys(await dec([key.key_ID]), 1)).toEqual([key]);
  });
  test("014-D07 a second time: as unknown; two at once: one of them", async () => {
    const key = await one();
    expectKeys(await dec([key.key_ID]), 1);
    expectError(await dec([key.key_ID]), MESSAGES.notFound);
    for (let round = 0; round < 10; round++) {
      const { key_ID } = await one();
      const statuses = (await Promise.all([dec([key_ID]), dec([key_ID])])).map(({ status }) => status);
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400]);
    }
  });
  test("014-D12 malformed, empty, missing", async () => {
    expectError(await dec(["not-a-uuid"]));
    expectError(await post({ key_IDs: [] }));
    expectError(await post({}));
    expectError(await get(""));
    expectError(await get("?key_ID="));
  });
  test("014-D13 the same ID twice: 400, and it stays", async () => {
    const key = await one();
    expectError(await dec([key.key_ID, key.key_ID.toUpperCase()]));
    expect(expectKeys(await dec([key.key_ID]), 1)).toEqual([key]);
  });
  test("014-D15 GET with two key_ID: 400, and both stay", async () => {
    const keys = await fresh(2);
    expectError(await get(`?key_ID=${keys[0]?.key_ID}&key_ID=${keys[1]?.key_ID}`));
    expect(expectKeys(await dec(idsOf(keys)), 2)).toEqual(keys);
  });
  test("014-D16 more IDs than max_key_per_request: 400, nothing consumed", async () => {
    const keys = [...(await fresh(128)), await one()];
    expectError(await dec(idsOf(keys)));
    expect(expectKeys(await dec(idsOf(keys.slice(0, 128))), 128)).toEqual(keys.slice(0, 128));
  });
  test("014-D17 not JSON: 400", async () => {
    expectError(await post("key_ID=1"));
  });
});

describe("ETSI 014 part 4: nobody else", () => {
  test("014-D08 a third SAE: 401, wherever it sits; then the slave: 200", async () => {
    const key = await one();
    expectUnauthorised(await decKeys(rig.c, rig.A, [key.key_ID]));
    expectUnauthorised(await decKeys(rig.neighbour, rig.A, [key.key_ID]));
    expect(expectKeys(await dec([key.key_ID]), 1)).toEqual([key]);
  });
  test("014-D09 a third SAE with its own and another's ID: 401, and its own stays", async () => {
    const theirs = await one();
    const [own] = await freshKeys(rig.a, rig.sameSite);
    expectUnauthorised(await decKeys(rig.neighbour, rig.A, [own?.key_ID ?? "", theirs.key_ID]));
    expect(expectKeys(await decKeys(rig.neighbour, rig.A, [own?.key_ID ?? ""]), 1)).toEqual([own]);
  });
  test("014-D10 the master asks for its own key: 401", async () => {
    const key = await one();
    for (const path of [rig.B, rig.A]) expectUnauthorised(await decKeys(rig.a, path, [key.key_ID]));
    expect(expectKeys(await dec([key.key_ID]), 1)).toEqual([key]);
  });
  test("014-D11 the wrong master in the path: refused, and the key stays", async () => {
    const key = await one();
    expect([400, 401]).toContain((await decKeys(rig.b, rig.sameSite, [key.key_ID])).status);
    expect([400, 401]).toContain((await decKeys(rig.b, rig.C, [key.key_ID])).status);
    expect(expectKeys(await dec([key.key_ID]), 1)).toEqual([key]);
  });
});

describe("ETSI 014 part 4: time and accidents", () => {
  test("014-D20 a connection aborted after the headers: its keys are never issued again", async () => {
    const aborted: string[] = [];
    for (let i = 0; i < 5; i++) {
      const response = await rig.a.open(`/${rig.B}/enc_keys?number=100`);
      // Leaving the loop destroys the connection.
      for await (const chunk of response) {
        aborted.push(...(String(chunk).match(/[0-9a-f-]{36}/g) ?? []));
        break;
      }
    }
    expect(aborted.length).toBeGreaterThan(0);
    const later = new Set(idsOf((await Promise.all(Array.from({ length: 10 }, async () => await fresh(100)))).flat()));
    expect(aborted.filter((id) => later.has(id))).toEqual([]);
  });

  test("014-D18 a key older than its lifetime: as unknown, and back in no pool", async () => {
    const [key] = await rig.withPolicy({ key_ttl_s: 1 }, async () => {
      const keys = await freshKeys(rig.still.a, rig.still.B);
      await sleep(1500);
      return keys;
    });
    const before = await storedCount(rig.still.a, rig.still.B);
    expectError(await decKeys(rig.still.b, rig.still.A, [key?.key_ID ?? ""]), MESSAGES.notFound);
    await sleep(500);
    expect(await storedCount(rig.still.a, rig.still.B)).toBe(before);
  });

  test("014-D19 a restart between enc and dec: the same bytes", async () => {
    const keys = await fresh(3);
    await rig.restart();
    expect(expectKeys(await dec(idsOf(keys)), 3)).toEqual(keys);
    expectKeys(await encKeys(rig.a, rig.B), 1);
  });
});
