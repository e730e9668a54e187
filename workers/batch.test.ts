import { createExecutionContext, SELF } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { ALONE, BATCH_PATH } from "../shared/batch/batch.ts";
import { AnswerReader } from "../shared/batch/read-answers.ts";
import { fail } from "../shared/errors/errors.ts";
import type { DecKeysCall, KeyPoolRpc, PoolCall } from "../shared/keypool/types.ts";
import { LIMITS } from "../shared/limits.ts";
import {
  alone,
  AS_FRONT,
  batchRequest,
  callerOf,
  fingerprintOf,
  type Item,
  item,
  type Plain,
  together,
} from "../test/support/in-workerd-batch.ts";
import { call, type Container, EDGE, NETWORK, setUp } from "../test/support/in-workerd-network.ts";
import { isBatch, serveBatch } from "./batch.ts";
import type { Env } from "./env.ts";

const env = bindings as unknown as Env;

beforeAll(async () => await setUp(8));

const ENC = "/api/v1/keys/sae-b/enc_keys";
const DEC = "/api/v1/keys/sae-a/dec_keys";
const keysOf = ({ body }: Plain): Container["keys"] => (JSON.parse(body) as Container).keys;
const json = (value: unknown): Partial<Item> => ({ body: JSON.stringify(value) });
const idsOf = (keys: Container["keys"]) => ({ key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });
/** Keys of sae-a for sae-b. */
const enc = async (number = 1): Promise<Container["keys"]> =>
  keysOf(await alone(item("sae-a", "n1", `${ENC}?number=${number}`)));
const stored = async (): Promise<number> => {
  const status = await (await call("/api/v1/keys/sae-b/status", { as: "sae-a" })).json<{ stored_key_count: number }>();
  return status.stored_key_count;
};

const fetching = (as: string, at: string, keys: Container["keys"]): Item => item(as, at, DEC, json(idsOf(keys)));

describe("who is served", () => {
  test("each request as its own caller, at its own KME", async () => {
    const [mine, theirs] = [await enc(), keysOf(await alone(item("sae-a", "n1", "/api/v1/keys/sae-b2/enc_keys")))];
    const wrong = [
      fetching("sae-b2", "n2", mine),
      fetching("sae-b", "n2", theirs),
      fetching("stranger", "n2", mine),
      fetching("sae-b", "n1", mine),
      fetching("sae-b", "nowhere", mine),
      fetching("op", "n2", mine),
    ];
    const answers = await together([...wrong, fetching("sae-b", "n2", mine), fetching("sae-b2", "n2", theirs)]);
    expect(answers.map(({ status }) => status)).toEqual([...wrong.map(() => 401), 200, 200]);
    expect(answers.slice(-2).map(keysOf)).toEqual([mine, theirs]);
    for (const { body } of answers.slice(0, -2)) expect(body).toBe("");
  });

  test("a caller the batch does not have is nobody", async () => {
    const head = JSON.stringify({
      callers: [callerOf({ as: "sae-a", at: "n1" })],
      requests: [1, -1, "length", null].map((caller) => ({
        caller,
        method: "GET",
        target: ENC,
        body: null,
        idempotencyKey: null,
      })),
    });
    const response = await SELF.fetch(EDGE + BATCH_PATH, { method: "POST", body: `${head}\n`, cf: AS_FRONT });
    const answers = new AnswerReader(4).push(new Uint8Array(await response.arrayBuffer()));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });

  test("one that was revoked is refused among those that were not", async () => {
    const revoked = await call("/api/v1/revocations", {
      as: "op",
      method: "POST",
      body: JSON.stringify({ kind: "certificate", value: fingerprintOf("sae-a2"), reason: "a test" }),
    });
    expect(revoked.status).toBe(201);
    const batch = [
      item("sae-a", "n1", ENC),
      item("sae-a2", "n1", ENC),
      item("sae-b", "n2", "/api/v1/keys/sae-a/enc_keys"),
    ];
    await expect
      .poll(async () => (await together(batch)).map(({ status }) => status), { timeout: 5000 })
      .toEqual([200, 401, 200]);
  });
});

describe("what is a batch", () => {
  test.each([
    ["nobody", undefined],
    ["an SAE behind a front", callerOf({ as: "sae-a", at: "n1" })],
    ["who started the engine", { qkd: { starter: true } }],
    ["a flag that is not true", { qkd: { batch: "true" } }],
  ])("not what %s sends to its path", async (_name, cf) => {
    const init = { ...batchRequest([item("sae-a", "n1", ENC)]), headers: { "X-Cf-Blob": JSON.stringify(AS_FRONT) } };
    const response = await SELF.fetch(EDGE + BATCH_PATH, { ...init, cf: cf ?? {} });
    expect([response.status, await response.json()]).toEqual([404, { message: "no such path" }]);
  });

  test("not what a front sends elsewhere, nor anything where no front is believed", async () => {
    expect((await SELF.fetch(EDGE + ENC, batchRequest([]))).status).toBe(401);
    const request = new Request(EDGE + BATCH_PATH, batchRequest([]));
    expect(isBatch(request, { ...env, QKD_MTLS: "front" })).toBe(true);
    for (const QKD_MTLS of ["cloudflare", "off"] as const) expect(isBatch(request, { ...env, QKD_MTLS })).toBe(false);
    const { QKD_MTLS: _left, ...without } = env;
    expect(isBatch(request, without)).toBe(false);
  });

  test("key requests alone, whatever else is in it", async () => {
    const others = ["/healthz", "/api/v1/whoami", "/api/v1/keys/sae-b/status", BATCH_PATH, "/api/v1/network", "", "*"];
    for (const { status } of await together(others.map((target) => item("sae-a", "n1", target))))
      expect(status).toBe(404);
  });
});

/** With an Idempotency-Key even the keys are the same. */
const repeated = async (items: readonly Item[]): Promise<void> => {
  const once = items.filter(({ idempotencyKey }) => idempotencyKey !== null);
  const apart: Plain[] = [];
  for (const one of once) apart.push(await alone(one));
  expect(await together(once)).toEqual(apart);
};

describe("as one by one", () => {
  const KEY = /"key_ID":"[0-9a-f-]{36}","key":"([A-Za-z0-9+/]+=*)"/g;
  const NO_RELAY = /"message":"[^"]+","details":\[\{"relay":"[^"]+"\}\]/g;
  /**
   * Key IDs and keys are new with each request: what stays is their number and length. And why no key came over other
   * nodes is told in other words once that has been tried.
   */
  const blind = (answer: Plain): Plain => ({
    ...answer,
    body: answer.body.replaceAll(KEY, (_all, key: string) => `key of ${key.length}`).replaceAll(NO_RELAY, "no relay"),
  });
  const same = async (items: readonly Item[]): Promise<readonly Plain[]> => {
    const apart: Plain[] = [];
    for (const one of items) apart.push(blind(await alone(one)));
    expect((await together(items)).map(blind)).toEqual(apart);
    return apart;
  };

  /** Who calls, at which KME. */
  const anyone = fc.constantFrom("sae-a", "sae-a2", "sae-b", "sae-d", "odd", "op", "stranger", "sae-a,CN=sae-b");
  const caller = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(["sae-a", "n1"] as const, ["sae-b", "n2"] as const) },
    { weight: 1, arbitrary: fc.tuple(anyone, fc.constantFrom("n1", "n2", "n3", "nowhere")) },
  );
  const segment = fc.oneof(
    fc.constantFrom("sae-a", "sae-b", "sae-b2"),
    fc.constantFrom(
      "sae-a",
      "sae-b",
      "sae-b2",
      "sae-d",
      "nobody",
      "%2e",
      "a%2Fb",
      "%00",
      "%",
      "%zz",
      "%ff",
      "a:b",
      "*",
    ),
    fc.constant(encodeURIComponent("urn:sae/é %2F..")),
    fc.string({ unit: "binary", minLength: 1 }).map((text) => encodeURIComponent(text.toWellFormed())),
  );
  const query = fc.oneof(
    fc.constantFrom("", "?", "?number=3"),
    fc.constantFrom("?number=2&size=128", "?number=0", "?size=-8", "?size=12", "?number=1&number=2"),
    fc.constantFrom("?key_ID=x", "?key_ID=00000000-0000-4000-8000-000000000000", "?key_ID=", "?%ff=%zz", "?number=1e9"),
    fc.constant(`?x=${"y".repeat(LIMITS.uriBytes)}`),
    fc.webQueryParameters().map((text) => `?${text}`),
  );
  const members = fc.record(
    {
      number: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.jsonValue()),
      size: fc.oneof(fc.constantFrom(64, 256, 12, 1e9), fc.jsonValue()),
      additional_slave_SAE_IDs: fc.oneof(fc.subarray(["sae-b2", "sae-d", "é unknown", "\ud800"]), fc.jsonValue()),
      extension_mandatory: fc.oneof(fc.constant([{ qkdedge_route_type: "direct" }]), fc.jsonValue()),
      extension_optional: fc.jsonValue(),
      key_IDs: fc.oneof(fc.array(fc.record({ key_ID: fc.oneof(fc.uuid(), fc.string()) })), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    members.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string({ unit: "binary" }).map((text) => text.toWellFormed().replace(/^\ufeff/, "")),
    fc.constantFrom("", "{}", "[".repeat(100), '{"number":"\u0000"}', '{"size":"\\ud800"}', '{"size":256'),
    fc.constant(" ".repeat(LIMITS.frontBatchedBodyBytes)),
  );
  const request = fc
    .record({
      caller,
      verb: fc.constantFrom("enc_keys", "dec_keys"),
      segment,
      query,
      body: fc.option(body),
      idempotencyKey: fc.option(fc.oneof(fc.constantFrom("", "k".repeat(129)), fc.uuid()), { freq: 4 }),
    })
    .map((wish) => {
      // The test's own runtime takes `..` for what it is in a URL.
      const { pathname, search } = new URL(`${EDGE}/api/v1/keys/${wish.segment}/${wish.verb}${wish.query}`);
      const { idempotencyKey } = wish;
      const [as, at] = wish.caller;
      const more = { idempotencyKey, ...(wish.body === null ? {} : { body: wish.body }) };
      return item(as, at, pathname + search, more);
    });

  test("any requests: the same status, headers and body, but for the keys", { timeout: 120_000 }, async () => {
    /** Of each status one, whatever the seed; no body is a GET. */
    const typical = [
      item("sae-a", "n1", ENC),
      item("sae-a", "n1", ENC, json({ number: 2 })),
      item("sae-a", "n1", `${ENC}?size=12`),
      item("stranger", "n1", ENC),
      item("sae-a", "n1", `${ENC}?x=${"y".repeat(LIMITS.uriBytes)}`),
    ];
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (items) => {
        // A repeat would be answered with the keys of the first.
        const keys = items.map(({ idempotencyKey }) => idempotencyKey);
        fc.pre(new Set(keys).size === keys.length || keys.every((key) => key === null));
        for (const { status } of await same(items.map((one) => ({ ...one, idempotencyKey: null }))))
          statuses.add(status);
        await repeated(items);
      }),
      { numRuns: 60, examples: [[typical]] },
    );
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 401, 414]));
  });

  test("with an Idempotency-Key the very keys, whichever way came first; another request is refused", async () => {
    const wish = item("sae-a", "n1", ENC, { ...json({ number: 2 }), idempotencyKey: "first alone" });
    const [first] = [await alone(wish)];
    expect(await together([wish, wish])).toEqual([first, first]);
    const other = { ...wish, ...json({ number: 3 }) };
    expect((await same([other]))[0]?.status).toBe(422);
    const later = { ...wish, idempotencyKey: "first in a batch" };
    const [batched] = await together([later]);
    expect(await alone(later)).toEqual(batched);
    const fetch = item("sae-b", "n2", DEC, { ...json(idsOf(keysOf(first))), idempotencyKey: "fetched" });
    const fetched = await together([fetch, fetch, fetch]);
    expect(fetched).toEqual([fetched[0], fetched[0], fetched[0]]);
    expect(await alone(fetch)).toEqual(fetched[0]);
    expect(keysOf(fetched[0]!)).toEqual(keysOf(first));
  });

  test("a body that is not ASCII is as long as it says", async () => {
    const [answer] = await same([item("sae-a", "n1", ENC, json({ additional_slave_SAE_IDs: ["é\u{1f511}"] }))]);
    expect([answer?.status, answer?.body]).toEqual([400, expect.stringContaining("é\u{1f511}: ")]);
  });

  test("keys that nobody has: 503 with Retry-After", async () => {
    const [answer] = await same([item("sae-b", "n2", "/api/v1/keys/sae-d/enc_keys"), item("sae-a", "n1", ENC)]);
    expect(answer).toMatchObject({ status: 503, headers: expect.arrayContaining([["retry-after", "1"]]) });
  });

  test("keys of two shards in one request, and of many requests for the same ones each gets its own", async () => {
    const keys = (await Promise.all(Array.from({ length: 20 }, async () => await enc()))).flat();
    const whole = item("sae-b", "n2", DEC, json(idsOf(keys)));
    const one = item("sae-b", "n2", DEC, json(idsOf(keys.slice(0, 1))));
    const answers = await together([one, whole, one]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const taken = answers.flatMap((answer) => (answer.status === 200 ? keysOf(answer) : []));
    expect(keys).toEqual(expect.arrayContaining([...taken]));
    for (const { status } of answers) expect([200, 400, 503]).toContain(status);
  });

  test("a key goes to one of many who ask for it at once", async () => {
    const keys = await enc();
    const answers = await together(Array.from({ length: 64 }, () => item("sae-b", "n2", DEC, json(idsOf(keys)))));
    expect(answers.filter(({ status }) => status === 200).map(keysOf)).toEqual([keys]);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(63);
  });
});

/** The pools as they are, but for what a test does to some calls. */
const withPools = (change: (pool: KeyPoolRpc) => Partial<KeyPoolRpc>): Env => ({
  ...env,
  KEY_POOL: {
    getByName: (name) => env.KEY_POOL.getByName(name),
    idFromName: (name) => env.KEY_POOL.idFromName(name),
    get(id) {
      const pool = env.KEY_POOL.get(id);
      const changed: Partial<KeyPoolRpc> = {
        encKeys: async (asked) => await pool.encKeys(asked),
        decKeys: async (asked) => await pool.decKeys(asked),
        checkKeys: async (asked) => await pool.checkKeys(asked),
        serveAll: async (asked) => await pool.serveAll(asked),
      };
      return Object.assign(changed, change(pool)) as typeof pool;
    },
  },
});

describe("what would hold up the others", () => {
  test("many keys: to come alone, and nothing is changed", async () => {
    const many = LIMITS.batchedKeys + 1;
    const [keys, before] = [await enc(many), await stored()];
    const answers = await together([
      item("sae-a", "n1", `${ENC}?number=${many}`),
      item("sae-b", "n2", DEC, json(idsOf(keys))),
      item("sae-b", "n2", DEC, json(idsOf(keys.slice(0, 2)))),
    ]);
    expect(answers.map(({ status, body }) => [status, body.length > 0])).toEqual([
      [ALONE, false],
      [ALONE, false],
      [200, true],
    ]);
    expect(await stored()).toBe(before);
    expect(keysOf(await alone(item("sae-b", "n2", DEC, json(idsOf(keys.slice(2))))))).toEqual(keys.slice(2));
  });

  test("a key on its way: the others are answered before, it is waited for, and asked for twice only", async () => {
    const keys = await enc(2);
    const [late, prompt] = [keys.slice(0, 1), keys.slice(1)];
    const isLate = (asked: PoolCall): boolean => "dec" in asked && asked.dec.keyIds[0] === late[0]?.key_ID;
    const asked: DecKeysCall[] = [];
    const arrival = Promise.withResolvers<void>();
    const slow = withPools((pool) => ({
      serveAll: async (calls) => {
        const answer = await pool.serveAll(calls.filter((one) => !isLate(one)));
        if (!answer.ok) return answer;
        const others = [...answer.value];
        const fault = fail("on-its-way", "a key asked for is on its way");
        return { ok: true, value: calls.map((one) => (isLate(one) ? fault : (others.shift() ?? fault))) };
      },
      decKeys: async (one) => {
        asked.push(one);
        await arrival.promise;
        return await pool.decKeys(one);
      },
    }));
    const items = [late, prompt].map((wanted) => item("sae-b", "n2", DEC, json(idsOf(wanted))));
    const request = new Request(EDGE + BATCH_PATH, batchRequest(items));
    const response = await serveBatch(request, slow, createExecutionContext());
    const reader = response.body!.getReader();
    const answers = new AnswerReader(2);
    const next = async () => {
      for (;;) {
        const { value, done } = await reader.read();
        // A part of the body may end before an answer does.
        const whole = answers.push(value ?? new Uint8Array());
        if (whole.length > 0 || done) return whole;
      }
    };
    const first = await next();
    expect(first.map(({ request: number, status }) => [number, status])).toEqual([[1, 200]]);
    arrival.resolve();
    const [second] = await next();
    expect([second?.request, second?.status]).toEqual([0, 200]);
    expect(JSON.parse(second?.body ?? "")).toEqual({ keys: late });
    expect((await reader.read()).done).toBe(true);
    expect(asked.map(({ waits }) => waits)).toEqual([true]);
  });

  test("a pool that does not answer, and one that forgets a call: 503 for those, keys for the others", async () => {
    const broken = withPools((pool) => ({
      serveAll: async (calls) => {
        const answer = await pool.serveAll(calls);
        if (calls.length === 1) throw new TypeError("the pool is out of its mind");
        return answer.ok ? { ok: true, value: answer.value.slice(0, 1) } : answer;
      },
    }));
    const items = [
      item("sae-a", "n1", "/api/v1/keys/sae-a2/enc_keys"),
      item("sae-d", "n3", "/api/v1/keys/sae-b/enc_keys"),
      item("sae-d", "n3", "/api/v1/keys/sae-b2/enc_keys"),
      item("nobody", "n3", ENC),
    ];
    const request = new Request(EDGE + BATCH_PATH, batchRequest(items));
    const response = await serveBatch(request, broken, createExecutionContext());
    const answers = new AnswerReader(4).push(new Uint8Array(await response.arrayBuffer()));
    const statuses = answers.toSorted((a, b) => a.request - b.request).map(({ status }) => status);
    expect(statuses).toEqual([503, 503, 503, 401]);
  });
});

test("the network the tests rely on has two shards", () => expect(NETWORK.links[0]?.shards).toBe(2));
