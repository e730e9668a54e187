/** Cases C01 to C06: a client of ETSI GS QKD 014 against key management entities that misbehave. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  AnswerError,
  type ClientOptions,
  Etsi014Client,
  QkdError,
  RefusedError,
  UnreachableError,
} from "qkd-edge/client";
import { FakeKme, type FakeReply } from "../test/support/fake-kme.ts";
import { retryAfterSeconds } from "./waiting.ts";

const ID = ["bc490419-7d60-487f-adc1-4ddcc177c139", "0a782fb5-3434-48fe-aa4d-14f41d46cf92"] as const;
const KEYS = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)] as const;
const entry = (i: 0 | 1, more: object = {}) => ({
  key_ID: ID[i],
  key: Buffer.from(KEYS[i]).toString("base64"),
  ...more,
});
const container = (...keys: readonly unknown[]): FakeReply => ({ body: { keys } });

let kme: FakeKme;
let pauses: number[];
let client: Etsi014Client;

beforeAll(async () => {
  kme = await FakeKme.start();
});
afterAll(() => kme.stop());
beforeEach(() => {
  pauses = [];
  client = clientWith({ token: "a-token" });
});
const clientWith = (more: Partial<ClientOptions>): Etsi014Client =>
  new Etsi014Client({ baseUrl: kme.url, pause: async (ms) => void pauses.push(ms), ...more });

/** A function of the caller's that is called, and never done. */
const never = (then: () => void) => async (): Promise<never> => {
  then();
  return await new Promise<never>(() => undefined);
};
const failure = async (call: Promise<unknown>): Promise<Error> =>
  await call.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error as Error,
  );

describe("C01: refusals", () => {
  test.each([
    [400, { message: "size shall be a multiple of 8" }, "size shall be a multiple of 8 (HTTP 400)"],
    [401, undefined, "HTTP 401"],
    [404, "<!doctype html><title>nothing here</title>", "HTTP 404"],
    [422, { detail: [{ loc: ["body"] }] }, "HTTP 422"],
    [500, "", "HTTP 500"],
    [503, { message: "not enough keys available" }, "not enough keys available (HTTP 503)"],
    [302, "", "HTTP 302"],
    [204, undefined, "HTTP 204"],
  ])("%i with %j is an error with its status, and no key", async (status, body, message) => {
    kme.answers({ status, body, headers: { Location: `${kme.url}/elsewhere` } });
    for (const call of [client.status("sae-b"), client.getKey("sae-b"), client.getKeyWithIds("sae-a", [ID[0]])]) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(RefusedError);
      const reason = message.replace(/ \(HTTP 503\)| \(HTTP 400\)/, "");
      expect(error).toMatchObject({ name: "RefusedError", message, httpStatus: status, reason });
    }
    expect(kme.asked.some(({ url }) => url === "/elsewhere")).toBe(false);
  });

  test("details of an Error object come along", async () => {
    const details = [{ extension_mandatory_unsupported: "route is not supported" }];
    kme.answers({ status: 400, body: { message: "no", details } });
    expect(await failure(client.getKey("sae-b"))).toMatchObject({ details });
  });

  test.each(["<html>", "", '"text"', "null", '{"keys":{}}', `${"[".repeat(100)}${"]".repeat(100)}`])(
    "200 with %j is an answer that cannot be used",
    async (body) => {
      kme.answers({ body });
      expect(await failure(client.getKey("sae-b"))).toBeInstanceOf(AnswerError);
      expect(await failure(client.status("sae-b"))).toBeInstanceOf(AnswerError);
    },
  );

  test("an answer without end is not read to its end", async () => {
    kme.answers({ body: `"${"a".repeat(5_000_000)}"` });
    expect((await failure(client.getKey("sae-b"))).message).toContain("more than 4194304 bytes");
  });

  test("nobody there, and none in time", async () => {
    const gone = await FakeKme.start();
    const { url } = gone;
    await gone.stop();
    expect(await failure(new Etsi014Client({ baseUrl: url }).getKey("sae-b"))).toBeInstanceOf(UnreachableError);
    const silent = new Etsi014Client({
      baseUrl: kme.url,
      timeoutMs: 1,
      fetch: (_url, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    });
    const { signal } = new AbortController();
    for (const options of [{}, { signal }]) {
      const error = await failure(silent.getKey("sae-b", options));
      expect(error).toBeInstanceOf(UnreachableError);
      expect(error.message).toBe("/api/v1/keys/sae-b/enc_keys: no answer in time");
    }
  });

  test("the caller's signal ends a call, with its own reason", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const waits = new Etsi014Client({
      baseUrl: kme.url,
      fetch: (_url, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
          controller.abort(reason);
        }),
    });
    expect(await failure(waits.getKey("sae-b", { signal: controller.signal }))).toBe(reason);
    kme.answers(container(entry(0)));
    expect(await failure(client.getKey("sae-b", { signal: controller.signal }))).toBe(reason);
    const between = new AbortController();
    const hesitant = clientWith({
      token: () => {
        between.abort(reason);
        return "a-token";
      },
    });
    expect(await failure(hesitant.getKey("sae-b", { signal: between.signal }))).toBe(reason);
    expect(kme.asked).toEqual([]);
  });

  test.each<[string, (then: () => void) => Partial<ClientOptions>]>([
    ["reads a token", (then) => ({ token: never(then) })],
    ["fetches", (then) => ({ fetch: never(then) })],
    [
      "reads an answer",
      (then) => ({ fetch: async () => await Promise.resolve(new Response(new ReadableStream({ pull: never(then) }))) }),
    ],
  ])("time and signal end a call whose own function %s, and heeds neither", async (what, optionsOf) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const waits = clientWith(optionsOf(() => controller.abort(reason)));
    expect(await failure(waits.getKey("sae-b", { signal: controller.signal }))).toBe(reason);
    if (what === "reads a token") return;
    const late = clientWith({ ...optionsOf(() => undefined), timeoutMs: 1 });
    expect(await failure(late.getKey("sae-b"))).toBeInstanceOf(UnreachableError);
  });

  test("a URL with a password in it is none, and no error repeats it", async () => {
    const baseUrl = "https://alice:hunter2@kme.example.org";
    for (const fetch of [undefined, never(() => undefined)]) {
      expect(() => new Etsi014Client({ baseUrl, ...(fetch === undefined ? {} : { fetch }) })).toThrow(
        "a URL of https://kme.example.org with a user's name in it",
      );
    }
  });
});

describe("C02: containers", () => {
  test.each([
    ["no keys", [], "holds 0 keys, not 2"],
    ["fewer than asked for", [entry(0)], "holds 1 keys, not 2"],
    ["more than asked for", [entry(0), entry(1), entry(1)], "holds 3 keys, not 2"],
    ["a short key", [entry(0), entry(1, { key: "AAAA" })], `key ${ID[1]} has 24 bits, not 256`],
    ["a long key", [entry(0), entry(1, { key: "A".repeat(64) })], `key ${ID[1]} has 384 bits, not 256`],
    ["an empty key", [entry(0), entry(1, { key: "" })], `key ${ID[1]} has 0 bits, not 256`],
    ["base64 without padding", [entry(0), entry(1, { key: "A".repeat(43) })], `key ${ID[1]} is not base64`],
    ["base64 of URLs", [entry(0), entry(1, { key: `${"-".repeat(43)}=` })], `key ${ID[1]} is not base64`],
    ["base64 in lines", [entry(0), entry(1, { key: `${"A".repeat(43)}=\n` })], `key ${ID[1]} is not base64`],
    ["an ID twice", [entry(0), entry(1, { key_ID: ID[0] })], `holds ${ID[0]} twice`],
    ["an ID twice, in capitals", [entry(0), entry(1, { key_ID: ID[0].toUpperCase() })], `holds ${ID[0]} twice`],
    ["an ID that is none", [entry(0), entry(1, { key_ID: "2" })], "a key_ID that is no UUID"],
    ["no ID", [entry(0), { key: "AAAA" }], "no Key container"],
    ["null for a key", [entry(0), null], "no Key container"],
  ])("%s: rejected", async (_what, keys, message) => {
    kme.answers(container(...keys));
    const error = await failure(client.getKey("sae-b", { count: 2, sizeBits: 256 }));
    expect(error).toBeInstanceOf(AnswerError);
    expect(error.message).toContain(message);
    const fetched = await failure(client.getKeyWithIds("sae-a", ID, { sizeBits: 256 }));
    expect(fetched).toBeInstanceOf(AnswerError);
    // Not a byte of key, not in base64 either.
    for (const text of [error.message, fetched.message]) expect(text).not.toMatch(/BwcH|CQkJ/);
  });

  test("keys of several sizes, where none was asked for", async () => {
    kme.answers(container(entry(0), entry(1, { key: "AAAA" })));
    expect((await failure(client.getKey("sae-b", { count: 2 }))).message).toContain("24 bits, not 256");
  });

  test("other IDs than asked for", async () => {
    kme.answers(container(entry(1)));
    expect((await failure(client.getKeyWithIds("sae-a", [ID[0]]))).message).toContain(`does not hold ${ID[0]}`);
  });

  test("the order asked for, whatever that of the answer", async () => {
    kme.answers(container(entry(1), entry(0)));
    const keys = await client.getKeyWithIds("sae-a", [ID[0].toUpperCase(), ID[1]]);
    expect(keys).toEqual(ID.map((keyId, i) => ({ keyId, key: KEYS[i] })));
  });

  test("no IDs, or one twice, are the caller's mistake", async () => {
    kme.answers(container());
    for (const ids of [[], [ID[0], ID[0].toUpperCase()]]) {
      expect(await failure(client.getKeyWithIds("sae-a", ids))).toBeInstanceOf(TypeError);
    }
    expect(kme.asked).toEqual([]);
  });
});

describe("C03: GET where it will do, else POST", () => {
  test("nothing, or number and size: GET", async () => {
    kme.answers(container(entry(0)), container(entry(0), entry(1)));
    expect(await client.getKey("sae-b")).toEqual([{ keyId: ID[0], key: KEYS[0] }]);
    await client.getKey("sae-b", { count: 2, sizeBits: 256 });
    expect(kme.asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "/api/v1/keys/sae-b/enc_keys", null],
      ["GET", "/api/v1/keys/sae-b/enc_keys?number=2&size=256", null],
    ]);
  });

  test.each([
    [{ additionalSlaves: ["sae-c"] }, { additional_slave_SAE_IDs: ["sae-c"] }],
    [{ mandatory: [{ route: "direct" }] }, { extension_mandatory: [{ route: "direct" }] }],
    [{ optional: [{ a: 1 }] }, { extension_optional: [{ a: 1 }] }],
  ])("%j: POST", async (wish, body) => {
    kme.answers(container(entry(0)));
    await client.getKey("sae-b", { count: 1, sizeBits: 256, ...wish });
    expect(kme.asked).toMatchObject([
      { method: "POST", url: "/api/v1/keys/sae-b/enc_keys", body: { number: 1, size: 256, ...body } },
    ]);
  });
});

test("a call that shall be repeatable says so, whichever way it goes", async () => {
  kme.answers(container(entry(0)));
  const idempotencyKey = "call-1";
  await client.getKey("sae-b", { idempotencyKey });
  await client.getKey("sae-b", { idempotencyKey, mandatory: [{ route: "direct" }] });
  await client.getKeyWithIds("sae-a", [ID[0]], { idempotencyKey });
  expect(kme.asked.map(({ headers }) => headers["idempotency-key"])).toEqual(Array(3).fill(idempotencyKey));
});

describe("C04: key IDs and SAE IDs", () => {
  test("two IDs: POST; one: GET", async () => {
    kme.answers(container(entry(0), entry(1)), container(entry(0)));
    await client.getKeyWithIds("sae-a", ID);
    await client.getKeyWithIds("sae-a", [ID[0]]);
    expect(kme.asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", "/api/v1/keys/sae-a/dec_keys", { key_IDs: ID.map((key_ID) => ({ key_ID })) }],
      ["GET", `/api/v1/keys/sae-a/dec_keys?key_ID=${ID[0]}`, null],
    ]);
  });

  test("an SAE ID is encoded exactly once", async () => {
    kme.answers(container(entry(0)));
    await client.getKey("urn:sae/b %2F?#é");
    expect(kme.asked[0]?.url).toBe("/api/v1/keys/urn%3Asae%2Fb%20%252F%3F%23%C3%A9/enc_keys");
  });

  test.each(["", ".", ".."])("%j would be another path", async (sae) => {
    expect(await failure(client.getKey(sae))).toBeInstanceOf(TypeError);
  });
});

describe("C05: asking again", () => {
  const later = { status: 503, body: { message: "not enough keys available" } };

  test("503 with growing pauses, at least as long as asked for", async () => {
    kme.answers(later, { ...later, headers: { "Retry-After": "7" } }, later, container(entry(0)));
    expect(await client.getKey("sae-b")).toHaveLength(1);
    expect(pauses).toHaveLength(3);
    expect(pauses[1]).toBe(7000);
    expect(pauses[2]).toBeGreaterThan(pauses[0]!);
  });

  test("a token that was renewed in between is the one that goes", async () => {
    kme.answers(later, container(entry(0)));
    let asked = 0;
    await clientWith({ token: () => `token-${++asked}` }).getKey("sae-b");
    expect(kme.asked.map(({ headers }) => headers.authorization)).toEqual(["Bearer token-1", "Bearer token-2"]);
  });

  test.each([
    ["429, with when to ask again", 429, "7", 7],
    ["429 that does not say when", 429, undefined, null],
    ["503 that asks for longer than a client waits by itself", 503, "31", 31],
  ])("%s: thrown at once", async (_what, status, header, seconds) => {
    kme.answers({ status, headers: header === undefined ? {} : { "Retry-After": header } });
    expect(await failure(client.getKey("sae-b"))).toMatchObject({ httpStatus: status, retryAfterSeconds: seconds });
    expect(kme.asked).toHaveLength(1);
    expect(pauses).toEqual([]);
  });

  test("Retry-After may be a date, or nonsense", () => {
    const now = Date.UTC(2026, 10, 22, 9, 59, 50, 500);
    expect(retryAfterSeconds("Sun, 22 Nov 2026 10:00:00 GMT", now)).toBe(10);
    expect(retryAfterSeconds("Sun, 22 Nov 2026 09:00:00 GMT", now)).toBe(0);
    for (const text of [null, "", "soon", "-1", "1.5", "2026-11-22", "Xxx, 99 Yyy 2026 10:00:00 GMT", "9".repeat(99)]) {
      expect(retryAfterSeconds(text, now)).toBeNull();
    }
  });

  test("not for ever", async () => {
    kme.answers({ status: 503 });
    expect(await failure(client.getKey("sae-b"))).toMatchObject({ httpStatus: 503 });
    expect(kme.asked).toHaveLength(5);
    kme.answers({ status: 503 });
    await failure(new Etsi014Client({ baseUrl: kme.url, attempts: 1 }).getKey("sae-b"));
    expect(kme.asked).toHaveLength(1);
  });

  test.each([400, 401, 404, 500])("%i once", async (status) => {
    kme.answers({ status });
    await failure(client.getKey("sae-b"));
    expect(kme.asked).toHaveLength(1);
  });

  test("a pause ends with the caller's signal", async () => {
    kme.answers({ status: 503, headers: { "Retry-After": "29" } });
    const controller = new AbortController();
    const patient = new Etsi014Client({ baseUrl: kme.url });
    const call = patient.getKey("sae-b", { signal: controller.signal });
    await expect.poll(() => kme.asked.length).toBe(1);
    controller.abort(new Error("enough"));
    expect((await failure(call)).message).toBe("enough");
  });
});

test("C06: unknown members everywhere", async () => {
  const more = { vendor: { a: [1] }, key_ID_extension: { b: 1 }, key_extension: null };
  kme.answers({ body: { keys: [entry(0, more)], key_container_extension: {}, vendor: 1 } });
  expect(await client.getKey("sae-b")).toEqual([{ keyId: ID[0], key: KEYS[0] }]);
  const status = {
    source_KME_ID: "a",
    target_KME_ID: "b",
    master_SAE_ID: "c",
    slave_SAE_ID: "d",
    key_size: 256,
    stored_key_count: 1,
    max_key_count: 2,
    max_key_per_request: 3,
    max_key_size: 1024,
    min_key_size: 64,
    max_SAE_ID_count: 0,
    status_extension: { vendor: true },
    vendor: "x",
  };
  kme.answers({ body: status });
  expect(await client.status("sae-b")).toEqual(status);
  const { key_size: _missing, ...less } = status;
  kme.answers({ body: less });
  expect(await failure(client.status("sae-b"))).toBeInstanceOf(AnswerError);
});

describe("who asks", () => {
  test("a token, or what gives one, with each request; none without", async () => {
    kme.answers(container(entry(0)));
    let asked = 0;
    const renewed = new Etsi014Client({ baseUrl: `${kme.url}/`, token: async () => `token-${++asked}` });
    await client.getKey("sae-b");
    await renewed.getKey("sae-b");
    await renewed.getKey("sae-b");
    await new Etsi014Client({ baseUrl: `${kme.url}/kme-1/` }).getKey("sae-b");
    expect(kme.asked.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer a-token",
      "Bearer token-1",
      "Bearer token-2",
      undefined,
    ]);
    expect(kme.asked[3]?.url).toBe("/kme-1/api/v1/keys/sae-b/enc_keys");
  });

  test("a token may end with a line's end; one that no header can hold is not quoted", async () => {
    kme.answers(container(entry(0)));
    await clientWith({ token: "a-token\n" }).getKey("sae-b");
    expect(kme.asked[0]?.headers.authorization).toBe("Bearer a-token");
    for (const token of ["", "a\nsecret", "secret é", "a secret"]) {
      const error = await failure(clientWith({ token }).getKey("sae-b"));
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ httpStatus: 401, message: "not sent: no bearer token looks like this one" });
    }
    expect(kme.asked).toHaveLength(1);
  });

  test.each(["http://kme.example.org", "ftp://kme.example.org", "kme.example.org"])("not over %s", (baseUrl) => {
    expect(() => new Etsi014Client({ baseUrl })).toThrow(TypeError);
  });

  test("a fetch of the caller's own has its own ways", async () => {
    const urls: string[] = [];
    const bound = new Etsi014Client({
      baseUrl: "http://kme.internal",
      fetch: async (url) => {
        urls.push(url);
        return Response.json({ keys: [entry(0)] });
      },
    });
    expect(await bound.getKey("sae-b")).toHaveLength(1);
    expect(urls).toEqual(["http://kme.internal/api/v1/keys/sae-b/enc_keys"]);
  });

  test("every error is a QkdError", () => {
    for (const error of [AnswerError, RefusedError, UnreachableError]) expect(error.prototype).toBeInstanceOf(QkdError);
  });
});
