import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyId } from "../ids.ts";
import type { KeyGrant } from "../keypool/types.ts";
import { LIMITS } from "../limits.ts";
import { keyFault, noKey, siteKey } from "./answers.ts";
import { mayUse, stampOf } from "./accounts.ts";
import { formKind, parameter, parametersOf, requiredParameter } from "./form.ts";
import { readGetKey, readKeyId, readNewKey } from "./key-request.ts";
import { oauthFaultBody, oauthStatus, throttled } from "./oauth-errors.ts";
import { readPasswordHash, writePasswordHash } from "./password-hash.ts";
import { clientOfKmsToken, kmsToken } from "./token.ts";
import { readRevocation, readTokenRequest } from "./token-request.ts";

const BLOCK = "bc490419-7d60-487f-adc1-4ddcc177c139";
const basic = (text: string): string => `Basic ${btoa(text)}`;

const many = (count: number) => Array.from({ length: count }, (_, n) => `p${n}`).join("&");
const readKey = (text: string) => readGetKey(new URLSearchParams(text));
const read = (authorization: string | null, form: string) => readTokenRequest(authorization, new URLSearchParams(form));
const revocation = (text: string) => readRevocation(basic("app:secret"), new URLSearchParams(text));
const grant = (): KeyGrant => ({
  keyIds: [BLOCK as KeyId],
  sizesBytes: [4],
  bytes: new Uint8Array([0xde, 0xad, 0x00, 0x01]),
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe("forms", () => {
  test("parameters come from the query or the body, each once", () => {
    const all = parametersOf("a=1&b=", new URLSearchParams("c=x+y%C3%A9&a=2"));
    if (!all.ok) throw new Error();
    expect(parameter(all.value, "c")).toEqual({ ok: true, value: "x yé" });
    expect([parameter(all.value, "b"), parameter(all.value, "none")]).toEqual([
      { ok: true, value: null },
      { ok: true, value: null },
    ]);
    expect(requiredParameter(all.value, "b")).toMatchObject({ error: { message: "b: missing" } });
    expect(parameter(all.value, "a")).toMatchObject({ error: { message: "a: given more than once" } });
  });

  test("there may be so many of them", () => {
    expect(parametersOf(many(LIMITS.kmsFormMembers)).ok).toBe(true);
    expect(parametersOf(many(1), many(LIMITS.kmsFormMembers)).ok).toBe(false);
  });

  test.each([
    ["application/x-www-form-urlencoded", "urlencoded"],
    ["Application/X-WWW-Form-URLencoded ; charset=UTF-8", "urlencoded"],
    ["multipart/form-data; boundary=x", "multipart"],
    ["application/json", null],
    ["constructor", null],
    ["", null],
  ])("what form is %s? %s", (type, expected) => {
    expect(formKind(type)).toBe(expected);
  });
});

describe("what is asked of the key routes", () => {
  test("a site, an index and a block", () => {
    expect(readNewKey(new URLSearchParams("siteid=B"))).toEqual({ ok: true, value: "B" });
    expect(readKey(`siteid=A&index=0007&blockid=${BLOCK.toUpperCase()}`)).toEqual({
      ok: true,
      value: { siteId: "A", index: 7, blockId: BLOCK },
    });
    expect(readKeyId(`12-${BLOCK}`)).toEqual({ ok: true, value: { index: 12, blockId: BLOCK } });
  });

  test.each(["-1", "4294967296", "99999999999", "1.0", "1e3", "0x1", " 1", "NaN", "１"])("no index: %s", (index) => {
    expect(readKey(`siteid=A&blockid=${BLOCK}&index=${encodeURIComponent(index)}`).ok).toBe(false);
    expect(readKeyId(`${index}-${BLOCK}`).ok).toBe(false);
  });

  test.each([BLOCK.slice(1), `${BLOCK}0`, `${BLOCK}${BLOCK.slice(-4)}`, BLOCK.replace("-", "0"), ""])(
    "no block: %s",
    (block) => {
      expect(readKey(`siteid=A&index=0&blockid=${block}`).ok).toBe(false);
      expect(readKeyId(`0-${block}`).ok).toBe(false);
    },
  );
});

describe("what is asked for tokens", () => {
  const wishOf = (form: string) => {
    const request = read(basic("app:secret"), form);
    return request.ok ? request.value.wish : request.error.code;
  };

  test("as the original's client asks: Basic counts, and its surplus members are passed over", () => {
    const form = "password=bot&client_secret=x&client=html5&username=pwebb&grant_type=password&scope=openid";
    expect(read(basic("html5:pass:word"), form)).toEqual({
      ok: true,
      value: {
        client: { id: "html5", secret: "pass:word" },
        wish: { grant: "password", username: "pwebb", password: "bot" },
      },
    });
  });

  test.each([
    ["grant_type=client_credentials", { grant: "client_credentials" }],
    ["grant_type=refresh_token&refresh_token=t", { grant: "refresh_token", token: "t" }],
    ["grant_type=refresh_token", "invalid_request"],
    ["grant_type=password&username=a", "invalid_request"],
    [
      "grant_type=password&username=a&password=b&scope=openid+openid",
      { grant: "password", username: "a", password: "b" },
    ],
    ["grant_type=password&username=a&password=b&scope=all", "invalid_scope"],
    ["grant_type=authorization_code", "unsupported_grant_type"],
    ["grant_type=__proto__", "unsupported_grant_type"],
    ["", "invalid_request"],
  ])("%s", (form, wish) => {
    expect(wishOf(form)).toEqual(wish);
  });

  test.each([
    [null, "client_id=a"],
    [null, "client_id=a&client_id=a&client_secret=b"],
    ["Bearer abc", "client_id=a&client_secret=b"],
    ["Basic", ""],
    [basic("no colon"), ""],
    [`Basic ${btoa("\u00ff:x")}`, ""],
    [basic(`a:${"x".repeat(LIMITS.authorizationChars)}`), ""],
  ])("who the client is, is not shown by %s and %s", (authorization, form) => {
    const request = read(authorization, `${form}&grant_type=client_credentials`);
    expect(request.ok ? "taken" : request.error.code).toMatch(/^invalid_(?:client|request)$/);
  });

  test("a revocation names a token", () => {
    expect(revocation("token=t&token_type_hint=access_token")).toMatchObject({ ok: true, value: { token: "t" } });
    expect(revocation("")).toMatchObject({ ok: false, error: { code: "invalid_request" } });
  });

  test("no request makes the reader throw", () => {
    fc.assert(
      fc.property(fc.option(fc.string()), fc.string(), (authorization, form) => {
        expect(typeof read(authorization, form).ok).toBe("boolean");
      }),
      { numRuns: 200 },
    );
  });
});

describe("answers", () => {
  test("a key is given in hex, and wiped", () => {
    const given = grant();
    expect(siteKey(given)).toEqual({ index: 0, hexKey: "dead0001", blockId: BLOCK });
    expect([...given.bytes]).toEqual([0, 0, 0, 0]);
  });

  test.each([
    ["key-not-found", 200],
    ["not-enough-keys", 200],
    ["no-path", 200],
    ["unauthorised", 200],
    ["bad-request", 400],
    ["rate-limited", 429],
    ["unavailable", 503],
    ["internal", 500],
  ] as const)("%s is told with HTTP %i, and index -2", (code, status) => {
    const told = keyFault({ code, message: "why" });
    expect(told).toEqual({ status, body: noKey(told.body.error ?? "") });
    expect(told.body).toMatchObject({ index: -2, hexKey: null, blockId: null });
    expect(told.body.error).toContain(code === "unauthorised" ? "no such key" : "why");
  });

  test("who has to wait is told for how long; what fails at the edge says whose fault it is", () => {
    expect(throttled("too many", 1)).toMatchObject({ retryAfterSeconds: 1 });
    expect([oauthStatus(throttled("too many", 2001)), throttled("too many", 2001).retryAfterSeconds]).toEqual([429, 3]);
    expect(oauthFaultBody({ code: "unavailable", message: "m" })).toMatchObject({ error: "temporarily_unavailable" });
    expect(oauthFaultBody({ code: "internal", message: "m" })).toMatchObject({ error: "server_error" });
    expect(oauthFaultBody({ code: "body-too-large", message: "m" })).toMatchObject({ error: "invalid_request" });
  });
});

describe("tokens and hashes", () => {
  test("a token names its client, whatever the client is called; nothing else does", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), bytes(32), (client, random) => {
        expect(clientOfKmsToken(kmsToken(client, random))).toBe(client);
      }),
      { numRuns: 100 },
    );
    const token = kmsToken("app", new Uint8Array(32));
    for (const other of [
      token.slice(0, -1),
      `${token}A`,
      token.replace("qkdk", "qkda"),
      token.replace("app", "../x"),
    ]) {
      expect(clientOfKmsToken(other)).toBeNull();
    }
  });

  test("a hash is read as it was written; any other text is none", () => {
    fc.assert(
      fc.property(fc.integer({ min: 14, max: 16 }), bytes(16), bytes(32), (log2N, salt, hash) => {
        const written = { log2N, r: 8, p: 1, salt, hash } as const;
        expect(readPasswordHash(writePasswordHash(written))).toEqual(written);
      }),
      { numRuns: 100 },
    );
    const good = writePasswordHash({ log2N: 15, r: 8, p: 1, salt: new Uint8Array(16), hash: new Uint8Array(32) });
    for (const [from, to] of [
      ["ln=15", "ln=13"],
      ["ln=15", "ln=20"],
      ["r=8", "r=16"],
      ["p=1", "p=2"],
      ["scrypt", "argon2id"],
      [/A$/, "B"],
      [/$/, "="],
    ] as const) {
      expect(readPasswordHash(good.replace(from, to))).toBeNull();
    }
  });

  test("a stamp changes with either secret; grants and clients are asked of anew", () => {
    const app = { id: "app", secret: "s", grants: ["password"], node: "n1" } as const;
    const stamps = [
      stampOf(app, null),
      stampOf(app, { password: "p" }),
      stampOf(app, { password: "q" }),
      stampOf({ secret: "t" }, { password: "p" }),
    ];
    expect(new Set(stamps).size).toBe(4);
    expect([
      mayUse(app, {}),
      mayUse(app, { clients: ["app"] }),
      mayUse(app, { clients: [] }),
      mayUse(app, null),
    ]).toEqual([true, true, false, false]);
    expect(mayUse({ ...app, grants: ["client_credentials"] }, null)).toBe(true);
  });
});
