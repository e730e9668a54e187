import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBase64 } from "../bytes/base64.ts";
import type { JsonValue } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { readExtKeys, readVoid } from "./wire.ts";

const ID = "BC490419-7d60-487f-adc1-4ddcc177c139";
const OTHER = "00000000-0000-0000-0000-000000000001";
const PARTIES = { initiator_sae_id: "x", target_sae_ids: ["a", "b"] };
const keys = (...ids: string[]) => ids.map((key_id) => ({ key_id, value: "AAEC" }));
const messageOf = (result: ReturnType<typeof readExtKeys> | ReturnType<typeof readVoid>) =>
  result.ok ? "ok" : result.error.message;

describe("ExtKeyContainer", () => {
  test("is read with what it may have besides, IDs in lower case", () => {
    const body = {
      ...PARTIES,
      keys: [{ key_id: ID, value: "AAEC", extension: { E1_x: 1 }, more: 1 }],
      ack_callback_url: "https://kms.example/ack",
      extension_mandatory: {},
      extension_optional: { E1_hops: 3 },
    };
    expect(readExtKeys(body)).toEqual({
      ok: true,
      value: {
        keys: [{ keyId: ID.toLowerCase(), bytes: Uint8Array.of(0, 1, 2) }],
        initiator: "x",
        targets: ["a", "b"],
        callbackUrl: "https://kms.example/ack",
      },
    });
  });

  test.each<[string, JsonValue, RegExp]>([
    ["an array", [], /shall be a JSON object/],
    ["no keys", { ...PARTIES, keys: [] }, /keys: shall not be empty/],
    ["too many keys", { ...PARTIES, keys: Array.from({ length: LIMITS.extKeys + 1 }, () => 0) }, /at most 1024/],
    ["an ID that is none", { ...PARTIES, keys: keys("1") }, /keys\.0\.key_id: shall be a UUID/],
    ["an ID twice, in either case", { ...PARTIES, keys: keys(ID, ID.toLowerCase()) }, /twice/],
    [
      "a value that is no base64",
      { ...PARTIES, keys: [{ key_id: ID, value: "AAE" }] },
      /keys\.0\.value: shall be padded/,
    ],
    ["an empty value", { ...PARTIES, keys: [{ key_id: ID, value: "" }] }, /keys\.0\.value: shall not be empty/],
    ["a key too long", { ...PARTIES, keys: [{ key_id: ID, value: "AAAA".repeat(2048) }] }, /32768 bits/],
    ["no target", { ...PARTIES, keys: keys(ID), target_sae_ids: [] }, /target_sae_ids: shall not be empty/],
    ["the initiator as target", { ...PARTIES, keys: keys(ID), initiator_sae_id: "a" }, /initiator is none/],
    ["no initiator", { keys: keys(ID), target_sae_ids: ["a"] }, /initiator_sae_id: is missing/],
    ["extensions as in 014", { ...PARTIES, keys: keys(ID), extension_mandatory: [{ a: 1 }] }, /extension_mandatory/],
  ])("refuses %s", (_, body, words) => {
    expect(messageOf(readExtKeys(body))).toMatch(words);
  });

  test("says nothing of a value in a refusal", () => {
    const secret = `${toBase64(new Uint8Array(30).fill(7))}!`;
    expect(JSON.stringify(readExtKeys({ ...PARTIES, keys: [{ key_id: ID, value: secret }] }))).not.toContain("BwcH");
  });
});

describe("VoidContainer", () => {
  test.each<[string, Record<string, JsonValue>]>([
    ["objects", { key_ids: [{ key_id: ID }, { key_id: OTHER }] }],
    ["plain text", { key_ids: [ID, OTHER] }],
    ["a container", { key_id_container: [{ key_id: ID }, OTHER] }],
    ["repeats", { key_ids: [ID, OTHER, ID], key_id_container: null }],
  ])("has its IDs as %s", (_, ids) => {
    const read = readVoid({ ...PARTIES, ...ids }, false);
    expect(read.ok && read.value.keyIds).toEqual([ID.toLowerCase(), OTHER]);
  });

  test("is of all keys by the member or the query only, and then names none", () => {
    for (const [body, inQuery] of [
      [{ ...PARTIES, all_confirmation: true }, false],
      [{ ...PARTIES, key_ids: [] }, true],
    ] as const) {
      const read = readVoid(body as unknown as JsonValue, inQuery);
      expect(read.ok && read.value.keyIds).toBeNull();
    }
    expect(messageOf(readVoid({ ...PARTIES, key_ids: [] }, false))).toMatch(/all_confirmation is not true/);
    expect(messageOf(readVoid({ ...PARTIES, all_confirmation: false }, false))).toMatch(/all_confirmation is not true/);
    expect(messageOf(readVoid({ ...PARTIES, key_ids: [ID] }, true))).toMatch(/is for no key_ids/);
  });
});

test("whatever comes is read or refused as bad, and never thrown at", () => {
  const member = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<JsonValue>(ID, [ID], [{ key_id: ID, value: "AAEC" }], ["a"], "x"),
  );
  const body = fc.record(
    {
      keys: member,
      key_ids: member,
      key_id_container: member,
      initiator_sae_id: member,
      target_sae_ids: member,
      ack_callback_url: member,
      extension_mandatory: member,
      all_confirmation: member,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, fc.boolean(), (value, isAll) => {
      const json = value as JsonValue;
      for (const read of [readExtKeys(json), readVoid(json, isAll)]) {
        if (!read.ok) expect(read.error.code).toBe("bad-request");
        else expect(read.value.targets.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 500 },
  );
});
