/** Part 3: Get key (clauses 5.3, 6.2, 6.3). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../shared/network/document.ts";
import {
  decKeys,
  encKeys,
  expectDistinct,
  expectError,
  expectKeys,
  expectUnauthorised,
  freshKeys,
  idsOf,
  type Key,
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

const enc = async (query: string) => await rig.a.call(`/${rig.B}/enc_keys${query}`);
const post = async (body: unknown, headers?: Record<string, string>) =>
  await rig.a.call(`/${rig.B}/enc_keys`, { method: "POST", body, ...(headers === undefined ? {} : { headers }) });

describe("ETSI 014 part 3: what is asked for is what is given", () => {
  test("014-E01 GET: one key of the default size", async () => {
    const { key_size } = await statusOf(rig.a, rig.B);
    expectKeys(await enc(""), 1, key_size);
  });
  test("014-E02 POST {}: the same", async () => {
    const { key_size } = await statusOf(rig.a, rig.B);
    expectKeys(await post({}), 1, key_size);
  });
  test("014-E03 POST without a body: the same", async () => {
    expectKeys(await rig.a.call(`/${rig.B}/enc_keys`, { method: "POST", headers: { "Content-Length": "0" } }), 1);
  });
  test("014-E04 three keys, all distinct", async () => {
    expectDistinct(expectKeys(await enc("?number=3"), 3));
  });
  test("014-E05 the smallest and the largest size", async () => {
    const { min_key_size, max_key_size } = await statusOf(rig.a, rig.B);
    expectKeys(await enc(`?size=${min_key_size}`), 1, min_key_size);
    expectKeys(await enc(`?size=${max_key_size}`), 1, max_key_size);
  });
  test("014-E06 GET and POST alike", async () => {
    const got = expectKeys(await enc("?number=2&size=128"), 2, 128);
    expectDistinct([...got, ...expectKeys(await post({ number: 2, size: 128 }), 2, 128)]);
  });
  test("014-E07 POST with number and size", async () => {
    expectKeys(await post({ number: 1, size: 256 }), 1, 256);
  });
  test("014-E24 a hundred requests: all keys distinct", async () => {
    const keys: Key[] = [];
    for (let i = 0; i < 100; i++) keys.push(...expectKeys(await enc(""), 1));
    expectDistinct(keys);
  });
  test("014-E33 keys are padded standard base64", async () => {
    const keys = expectKeys(await enc("?number=20&size=64"), 20, 64);
    for (const { key } of keys) expect(key).toMatch(/^[A-Za-z0-9+/]{11}=$/);
  });
});

describe("ETSI 014 part 3: what is refused", () => {
  test("014-E08 POST size not a multiple of 8", async () => {
    const { min_key_size } = await statusOf(rig.a, rig.B);
    expectError(await post({ size: min_key_size + 1 }), MESSAGES.size);
  });
  test("014-E09 GET size not a multiple of 8", async () => {
    const { min_key_size } = await statusOf(rig.a, rig.B);
    expectError(await enc(`?size=${min_key_size + 1}`), MESSAGES.size);
  });
  test("014-E10 size out of range", async () => {
    const { min_key_size, max_key_size } = await statusOf(rig.a, rig.B);
    for (const size of [max_key_size + 8, min_key_size - 8, 0, -8]) expectError(await post({ size }));
  });
  test("014-E11 more than max_key_per_request", async () => {
    const { max_key_per_request } = await statusOf(rig.a, rig.B);
    expectError(await post({ number: max_key_per_request + 1 }));
    expectError(await enc(`?number=${max_key_per_request + 1}`));
  });
  test("014-E12 number 0 and -1", async () => {
    for (const number of [0, -1]) expectError(await post({ number }));
    expectError(await enc("?number=0"));
  });
  test("014-E13 wrong types", async () => {
    for (const number of ["2", 1.5, true, {}]) expectError(await post({ number }));
    expectError(await post({ size: "256" }));
  });
  test("014-E14 not JSON, an array, truncated", async () => {
    for (const body of ["number=1", "[]", '{"number":']) expectError(await post(body));
  });
  test("014-E16 unknown mandatory extension: exact message, nothing consumed", async () => {
    const before = await storedCount(rig.still.a, rig.still.B);
    const answer = await encKeys(rig.still.a, rig.still.B, { extension_mandatory: [{ zzz_unknown: 1 }] });
    expectError(answer, MESSAGES.unsupported);
    expect(await storedCount(rig.still.a, rig.still.B)).toBe(before);
  });
  test("014-E17 its details name the parameter", async () => {
    const answer = await post({ extension_mandatory: [{ zzz_unknown: 1 }] });
    expect(answer.json).toMatchObject({
      details: [{ extension_mandatory_unsupported: "zzz_unknown is not supported" }],
    });
  });
  test("014-E20 supported mandatory extension that cannot be met: exact message", async () => {
    expectError(
      await encKeys(rig.a, rig.sameNode, { extension_mandatory: [{ qkdedge_route_type: "direct" }] }),
      MESSAGES.unmet,
    );
    expectError(
      await encKeys(rig.a, rig.C, { extension_mandatory: [{ qkdedge_route_type: "direct" }] }),
      MESSAGES.unmet,
    );
    expectError(await post({ extension_mandatory: [{ qkdedge_route_type: "by pigeon" }] }));
    expectKeys(await post({ extension_mandatory: [{ qkdedge_route_type: "direct" }] }), 1);
  });
  test("014-E21 extension_mandatory as one object is read as a list of one", async () => {
    expectError(await post({ extension_mandatory: { zzz_unknown: 1 } }), MESSAGES.unsupported);
    expectKeys(await post({ extension_mandatory: { qkdedge_route_type: "direct" } }), 1);
  });
  test("014-E25 slave = self: 400", async () => {
    expectError(await rig.a.call(`/${rig.A}/enc_keys`));
  });
  test("014-E26 unknown slave: 400", async () => {
    expectError(await rig.a.call("/no-such-sae/enc_keys"));
  });
  test("014-E29 PUT and DELETE: 405", async () => {
    for (const method of ["PUT", "DELETE"]) {
      const answer = await rig.a.call(`/${rig.B}/enc_keys`, { method });
      expectError(answer, undefined, 405);
      expect(answer.headers.allow).toBe("GET, POST");
    }
  });
  test("014-E30 a body of 10 MiB, nesting of 10 000: refused, still serving", async () => {
    const large = await post(Buffer.alloc(10 * 1024 * 1024, 0x20)).catch((error: NodeJS.ErrnoException) => error.code);
    // A server may also close while the client is still sending.
    if (typeof large === "object") expect(large.status).toBe(413);
    else expect(["ECONNRESET", "EPIPE"]).toContain(large);
    expectError(await post("[".repeat(10_000)));
    expectKeys(await enc(""), 1);
  });
  test("014-E31 every refusal has a message", async () => {
    const bodies = [
      { size: 0 },
      { number: 1000 },
      { number: 0 },
      { number: "2" },
      [],
      { extension_mandatory: [{ zzz: 1 }] },
    ];
    for (const body of bodies) expectError(await post(body));
  });
  test("a pair without a link between its nodes: keys over the nodes between, or a clear 400 where nothing is relayed", async () => {
    expectKeys(await rig.a.call(`/${rig.C}/enc_keys`), 1);
    await rig.withPolicy({ relay: { ...DEFAULT_POLICY.relay, enabled: false } }, async () => {
      expectError(await rig.a.call(`/${rig.C}/enc_keys`));
    });
  });
});

describe("ETSI 014 part 3: what is tolerated", () => {
  test("014-E15 text/plain with a JSON body is read as JSON", async () => {
    expectKeys(await post('{"number":2}', { "Content-Type": "text/plain" }), 2);
  });
  test("014-E18 unknown optional extension: a normal answer", async () => {
    expectKeys(await post({ extension_optional: [{ zzz_unknown: 1 }] }), 1);
  });
  test("014-E18 unknown optional extension, where the policy refuses: exact message", async () => {
    await rig.withPolicy({ extension_optional: "refuse" }, async () => {
      expectError(await post({ extension_optional: [{ zzz_unknown: 1 }] }), MESSAGES.optional);
    });
  });
  test("014-E19 empty lists", async () => {
    expectKeys(await post({ extension_mandatory: [], extension_optional: [] }), 1);
  });
  test("014-E27 an unknown query parameter is ignored", async () => {
    expectKeys(await enc("?key_type=1"), 1);
  });
  test("014-E28 an unknown JSON member is ignored", async () => {
    expectKeys(await post({ zzz: { deep: [1, 2] }, number: 1 }), 1);
  });
});

describe("ETSI 014 part 3: the pool under pressure", () => {
  test("014-E32 enc_keys from both ends at once: no value in both directions", async () => {
    const [forth, back] = await Promise.all([burst(rig.a, rig.B), burst(rig.b, rig.A)]);
    expect(forth.length + back.length).toBe(400);
    expectDistinct([...forth, ...back]);
    const sample = forth[0] as Key;
    expectUnauthorised(await decKeys(rig.a, rig.B, [sample.key_ID]));
    expect(expectKeys(await decKeys(rig.b, rig.A, [sample.key_ID]), 1)).toEqual([sample]);
  });

  test("014-E23 two clients drain the pool at once: nothing twice, nothing lost", async () => {
    const keys = (await Promise.all([drain(), drain()])).flat();
    expect(keys.length).toBeGreaterThan(100);
    expectDistinct(keys);
    const left = await storedCount(rig.still.a, rig.still.B);
    expect(left).toBeLessThan(128);
    for (let at = 0; at < keys.length; at += 128) {
      const batch = keys.slice(at, at + 128);
      expect(expectKeys(await decKeys(rig.still.b, rig.still.A, idsOf(batch)), batch.length)).toEqual(batch);
    }
  });

  test("014-E22 more keys than stored: 503, no part of them, nothing consumed", async () => {
    const before = await storedCount(rig.still.a, rig.still.B);
    const answer = await encKeys(rig.still.a, rig.still.B, { number: before + 1 });
    expectError(answer, "not enough keys available", 503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(await storedCount(rig.still.a, rig.still.B)).toBe(before);
    if (before > 0) await freshKeys(rig.still.a, rig.still.B, before);
  });
});

async function burst(client: Rig["a"], slave: string): Promise<readonly Key[]> {
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await freshKeys(client, slave, 10)));
  return answers.flat();
}

/** Takes keys until the pool says it has no more. */
async function drain(): Promise<readonly Key[]> {
  const keys: Key[] = [];
  for (;;) {
    const answer = await encKeys(rig.still.a, rig.still.B, { number: 128 });
    if (answer.status === 503) return keys;
    keys.push(...expectKeys(answer, 128));
  }
}
