/** The client of Open-QKD-Network's KMS API against a KMS that answers as the original does, and against one that misbehaves. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  AnswerError,
  KmsClient,
  type KmsOptions,
  kmsUrls,
  NoKeyError,
  OAuthError,
  readKmsConf,
  RefusedError,
  UnreachableError,
} from "qkd-edge/client";
import { FakeKme } from "../test/support/fake-kme.ts";
import { FakeKms } from "../test/support/fake-kms.ts";

const TOKEN = "/uaa/oauth/token";
const BLOCK = "0c6bdf05-b1a8-4d8a-b0a6-2d5b1b9f3f14";
const HEX = "07".repeat(32);
const client = { id: "html5", secret: "password" };
const grantOf = (username: string) => ({ type: "password", username, password: "bot" }) as const;

let kms: FakeKms;
let pauses: number[];
beforeEach(async () => {
  kms = await FakeKms.start();
  pauses = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await kms.stop();
});

const clientOf = (more: Partial<KmsOptions> = {}): KmsClient =>
  new KmsClient({
    urls: kmsUrls(kms.url),
    client,
    grant: grantOf("alice"),
    pause: async (ms) => void pauses.push(ms),
    ...more,
  });
const failure = async (call: Promise<unknown>): Promise<Error> =>
  await call.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error as Error,
  );
/** The clock alone: sockets and their timers go on. */
const laterBy = (ms: number): void => {
  const then = Date.now() + ms;
  vi.useFakeTimers({ toFake: ["Date"], now: then });
};
const grants = (): readonly (string | undefined)[] => kms.asksOf(TOKEN).map(({ form }) => form["grant_type"]);

describe("keys", () => {
  test("the same at both sites, named by block and index", async () => {
    const [alice, bob] = [clientOf(), clientOf({ grant: grantOf("bob") })];
    for (const index of [0, 1]) {
      const given = await alice.newKey("B");
      expect(given).toMatchObject({ index, blockId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(given.key).toHaveLength(32);
      expect(await bob.getKey("A", given.blockId, index)).toEqual(given);
    }
    expect(kms.asksOf("/api/newkey")[0]?.form).toEqual({ siteid: "B" });
    expect(kms.asksOf("/api/getkey")[1]?.form).toMatchObject({ siteid: "A", index: "1" });
    expect(grants()).toEqual(["password", "password"]);
  });

  test("none: index -2", async () => {
    for (const call of [() => clientOf().newKey("nowhere"), () => clientOf().getKey("B", BLOCK, 0)]) {
      const error = await failure(call());
      expect(error).toBeInstanceOf(NoKeyError);
      expect(error).toMatchObject({ httpStatus: 200, message: "the KMS has no such key, or none now" });
    }
    expect(pauses).toEqual([]);
  });

  test("what was asked wrongly is refused in the words that come", async () => {
    const nameless = clientOf({
      fetch: (url, { body = "", ...init }) =>
        globalThis.fetch(url, { ...init, body: body.replace("siteid=", "other=") }),
    });
    const error = await failure(nameless.newKey("B"));
    expect(error).toBeInstanceOf(RefusedError);
    expect(error.message).toBe("siteid is not present (HTTP 400)");
  });
});

describe("tokens", () => {
  test("one serves all calls; who asks meanwhile waits for the same", async () => {
    const alice = clientOf();
    const keys = await Promise.all(Array.from({ length: 5 }, () => alice.newKey("B")));
    expect(new Set(keys.map(({ index }) => index)).size).toBe(5);
    expect(kms.asksOf(TOKEN).map(({ form }) => form)).toEqual([
      { grant_type: "password", username: "alice", password: "bot" },
    ]);
  });

  test.each([
    ["a minute before it ends", 43_199, 43_199_000 - 60_000],
    ["after nine tenths of a short life", 100, 90_000],
  ])("renewed %s, by the refresh token", async (_when, expiresIn, ms) => {
    kms.expiresIn = expiresIn;
    const alice = clientOf();
    await alice.newKey("B");
    laterBy(ms - 5000);
    await alice.newKey("B");
    expect(grants()).toEqual(["password"]);
    laterBy(6000);
    await alice.newKey("B");
    expect(grants()).toEqual(["password", "refresh_token"]);
  });

  test("one that says no end is used until it is refused", async () => {
    kms.expiresIn = undefined;
    const alice = clientOf();
    await alice.newKey("B");
    laterBy(1e12);
    await alice.newKey("B");
    expect(grants()).toEqual(["password"]);
  });

  test("a service that keeps its refresh token: it is used again", async () => {
    kms.rotates = false;
    const alice = clientOf();
    for (let i = 0; i < 3; i++) {
      kms.revokeAll();
      await alice.newKey("B");
    }
    expect(grants()).toEqual(["password", "refresh_token", "refresh_token"]);
  });

  test("one that is revoked is renewed, and the call made again; with the refresh token, by signing in", async () => {
    const alice = clientOf();
    await alice.newKey("B");
    kms.revokeAll();
    await alice.newKey("B");
    expect(grants()).toEqual(["password", "refresh_token"]);
    kms.revokeAll({ refreshToo: true });
    await alice.newKey("B");
    expect(grants()).toEqual(["password", "refresh_token", "refresh_token", "password"]);
  });

  test("once, not for ever", async () => {
    const alice = clientOf({
      fetch: async (url, init) => {
        const response = await globalThis.fetch(url, init);
        if (url.endsWith(TOKEN)) kms.revokeAll();
        return response;
      },
    });
    const error = await failure(alice.newKey("B"));
    expect(error).toBeInstanceOf(OAuthError);
    expect(error).toMatchObject({ code: "invalid_token", httpStatus: 401 });
    expect(kms.asksOf("/api/newkey")).toHaveLength(2);
  });

  test("client_credentials: the application itself", async () => {
    await clientOf({ grant: { type: "client_credentials" } }).newKey("B");
    expect(kms.asksOf(TOKEN)[0]?.form).toEqual({ grant_type: "client_credentials" });
  });

  test("refresh_token: each is good once, and the next is told to whom keeps it", async () => {
    const kept: string[] = [];
    const onRefreshToken = (token: string) => void kept.push(token);
    await clientOf({ onRefreshToken }).newKey("B");
    const bob = clientOf({ grant: { type: "refresh_token", refreshToken: () => kept.at(-1) ?? "" }, onRefreshToken });
    await bob.newKey("B");
    kms.revokeAll();
    await bob.newKey("B");
    expect(kept).toHaveLength(3);
    expect(new Set(kept).size).toBe(3);
    const late = clientOf({ grant: { type: "refresh_token", refreshToken: kept[0] ?? "" } });
    expect(await failure(late.newKey("B"))).toMatchObject({ code: "invalid_grant" });
    expect(grants().at(-1)).toBe("refresh_token");
  });

  test("after a lost answer the refresh token is not used again", async () => {
    let isLost = false;
    const alice = clientOf({
      fetch: async (url, init) => {
        const response = await globalThis.fetch(url, init);
        if (!isLost || !url.endsWith(TOKEN)) return response;
        isLost = false;
        throw new TypeError("fetch failed");
      },
    });
    await alice.newKey("B");
    kms.revokeAll();
    isLost = true;
    expect(await failure(alice.newKey("B"))).toBeInstanceOf(UnreachableError);
    await alice.newKey("B");
    expect(grants()).toEqual(["password", "refresh_token", "password"]);
  });

  test.each([
    ["the application", { client: { id: "html5", secret: "wrong" } }, 401, "Bad credentials (Unauthorized, HTTP 401)"],
    ["the user", { grant: grantOf("mallory") }, 400, "Bad credentials (invalid_grant, HTTP 400)"],
  ])("%s is not known", async (_who, more, httpStatus, message) => {
    const error = await failure(clientOf(more).newKey("B"));
    expect(error).toBeInstanceOf(OAuthError);
    expect(error).toMatchObject({ httpStatus, message });
    expect(kms.asksOf("/api/newkey")).toEqual([]);
  });

  test("secrets are read when they are needed, and appear in no URL", async () => {
    let reads = 0;
    const secret = () => (++reads === 1 ? "password" : "");
    const urls: string[] = [];
    const alice = clientOf({
      client: { id: "html5", secret },
      grant: { type: "password", username: "alice", password: () => Promise.resolve("bot") },
      fetch: (url, init) => {
        urls.push(url);
        return globalThis.fetch(url, init);
      },
    });
    expect(reads).toBe(0);
    await alice.newKey("B");
    expect(reads).toBe(1);
    expect(urls).toEqual([`${kms.url}${TOKEN}`, `${kms.url}/api/newkey`]);
  });
});

describe("signing out", () => {
  test("revokes what there is; the next call signs in anew", async () => {
    const alice = clientOf();
    await alice.signOut();
    expect(kms.asked).toEqual([]);
    await alice.newKey("B");
    expect(kms.liveTokens).toBe(2);
    await alice.signOut();
    expect(kms.liveTokens).toBe(0);
    await alice.newKey("B");
    expect(grants()).toEqual(["password", "password"]);
  });

  test("a token that is on its way is revoked too", async () => {
    const alice = clientOf();
    const call = alice.newKey("B");
    await alice.signOut();
    await call.catch(() => undefined);
    await alice.signOut();
    expect(kms.liveTokens).toBe(0);
  });

  test("where the KMS cannot revoke, they are forgotten", async () => {
    const { revoke: _revoke, ...urls } = kmsUrls(kms.url);
    const alice = clientOf({ urls });
    await alice.newKey("B");
    await alice.signOut();
    await alice.newKey("B");
    expect(grants()).toEqual(["password", "password"]);
  });
});

const answer = (body: unknown, status = 200) => ({ status, body });

describe("a KMS that misbehaves", () => {
  const given = { body: { access_token: "a", token_type: "Bearer", expires_in: 100 } };
  let fake: FakeKme;
  let alice: KmsClient;
  beforeEach(async () => {
    fake = await FakeKme.start();
    alice = clientOf({ urls: kmsUrls(fake.url) });
  });
  afterEach(() => fake.stop());

  test.each([
    ["no JSON", "<html>"],
    ["no token", { token_type: "bearer" }],
    ["an empty one", { access_token: "", token_type: "bearer" }],
    ["one that no header can hold", { access_token: "a\nb", token_type: "bearer" }],
    ["one of another type", { access_token: "a", token_type: "mac" }],
  ])("for a token %s: nothing is used", async (_what, body) => {
    fake.answers(answer(body));
    expect(await failure(alice.newKey("B"))).toBeInstanceOf(AnswerError);
    expect(fake.asked).toHaveLength(1);
  });

  test.each([
    ["no JSON", "<html>"],
    ["an Error object", { message: "no" }],
    ["a key without its block", { index: 0, hexKey: HEX }],
    ["a key of 31 bytes", { index: 0, hexKey: HEX.slice(2), blockId: BLOCK }],
    ["a key that is not hexadecimal", { index: 0, hexKey: "zz".repeat(32), blockId: BLOCK }],
    ["an empty key", { index: 0, hexKey: "", blockId: BLOCK }],
    ["half an index", { index: 0.5, hexKey: HEX, blockId: BLOCK }],
    ["another index", { index: 1, hexKey: HEX, blockId: BLOCK }],
    ["another block", { index: 0, hexKey: HEX, blockId: BLOCK.replace("0", "1") }],
  ])("for a key %s: rejected", async (_what, body) => {
    fake.answers(given, answer(body));
    const error = await failure(alice.getKey("A", BLOCK, 0));
    expect(error).toBeInstanceOf(AnswerError);
    expect(error.message).not.toContain("0707");
  });

  test("a block's id in capitals is the same one", async () => {
    fake.answers(given, answer({ index: 0, hexKey: HEX, blockId: BLOCK.toUpperCase() }));
    expect((await alice.getKey("A", BLOCK, 0)).key).toEqual(new Uint8Array(32).fill(7));
  });

  test("503 is asked for again, at the token service too; nothing else is", async () => {
    fake.answers(answer("", 503), given, answer("", 503), answer({ index: 0, hexKey: HEX, blockId: BLOCK }));
    expect((await alice.newKey("B")).index).toBe(0);
    expect(pauses).toHaveLength(2);
  });

  test.each([
    ["by OAuth", { error: "slow_down", error_description: "too many" }, "too many (slow_down, HTTP 429)"],
    ["by anybody", { message: "too many" }, "too many (HTTP 429)"],
  ])("429 %s is told with when to ask again", async (_who, body, message) => {
    fake.answers({ status: 429, body, headers: { "Retry-After": "9" } });
    expect(await failure(alice.newKey("B"))).toMatchObject({
      message,
      reason: "too many",
      httpStatus: 429,
      retryAfterSeconds: 9,
    });
    expect(fake.asked).toHaveLength(1);
  });

  test("why there is no key, and why a request was wrong", async () => {
    const none = { index: -2, hexKey: null, blockId: null, error: "no such key" };
    fake.answers(given, answer(none), answer(none, 400));
    expect(await failure(alice.newKey("B"))).toMatchObject({ name: "NoKeyError", message: "no such key" });
    expect(await failure(alice.newKey("B"))).toMatchObject({
      name: "RefusedError",
      message: "no such key (HTTP 400)",
      reason: "no such key",
    });
  });

  test("what is quoted of an answer has an end", async () => {
    fake.answers(answer({ error: "x".repeat(5000), error_description: "y".repeat(5000) }, 400));
    expect((await failure(alice.newKey("B"))).message.length).toBeLessThan(700);
  });
});

test("a caller's signal ends its call, and nobody else's", async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const alice = clientOf({
    fetch: async (url, init) => {
      if (url.endsWith(TOKEN)) await held;
      return await globalThis.fetch(url, init);
    },
  });
  const controller = new AbortController();
  const [ended, waiting] = [alice.newKey("B", { signal: controller.signal }), alice.newKey("B")];
  const reason = new Error("enough");
  controller.abort(reason);
  expect(await failure(ended)).toBe(reason);
  release();
  expect((await waiting).index).toBe(0);
  expect(await failure(alice.newKey("B", { signal: controller.signal }))).toBe(reason);
});

describe("where it is", () => {
  test("kms.conf as applications have it", async () => {
    const conf = `${kms.url}${TOKEN}\n${kms.url}/api/newkey\r\n${kms.url}/api/getkey\nA\n`;
    const { urls, siteId } = readKmsConf(conf);
    expect(siteId).toBe("A");
    expect((await clientOf({ urls }).newKey("B")).index).toBe(0);
    expect(() => readKmsConf("http://localhost:9992/uaa/oauth/token\n")).toThrow(TypeError);
  });

  test.each(["http://kms.example.org", "ftp://kms.example.org", "kms.example.org"])("not over %s", (url) => {
    expect(() => clientOf({ urls: kmsUrls(url) })).toThrow(TypeError);
    const { token } = kmsUrls(url);
    expect(() => clientOf({ urls: { ...kmsUrls(kms.url), token } })).toThrow(TypeError);
  });
});
