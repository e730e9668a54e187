/** Operators in browsers: what their session is good for, and who else could use it. */
import { runInDurableObject, SELF } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../env.ts";
import { sessionsOf } from "../clients/operator-sessions.ts";
import { OPERATION_IDS, OPERATIONS } from "../../shared/api/contract.ts";
import { countsSession } from "../../shared/api/operation.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { clientCert, tlsClientAuth } from "../../test/support/in-workerd-certificates.ts";
import { call, EDGE, errorOf, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";

const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
const operator = (id: string, more: object = {}) => ({
  id,
  credentials: [{ type: "token" as const, sha256: tokenSha256(token(id)), ...more }],
});
const OPERATORS: NetworkDocumentInput["operators"] = [
  ...NETWORK.operators,
  operator("reader", { scopes: ["network.read"] }),
  operator("hourly", { expires: inAnHour }),
  operator("leaving"),
  operator("removed"),
  operator("many"),
  operator("former"),
];
const APP = "https://app.example";
const OWN = { "Sec-Fetch-Site": "same-origin" };

beforeAll(async () => await setUp(1, { ...NETWORK, operators: OPERATORS, browser_origins: [APP] }));

interface Signed {
  readonly cookie: string;
  readonly csrf: string;
  readonly body: Record<string, unknown>;
  readonly setCookie: string;
}

async function signIn(who: string, headers: Record<string, string> = OWN): Promise<Signed> {
  const response = await post("/api/v1/session", who, "", headers);
  if (response.status !== 200) throw new Error(`not signed in: ${response.status} ${await response.text()}`);
  const setCookie = response.headers.get("Set-Cookie") ?? "";
  const body = await response.json<{ csrf: string }>();
  return { cookie: setCookie.split(";")[0] ?? "", csrf: body.csrf, body, setCookie };
}

type Headers = Record<string, string>;
/** As a browser with the cookie, by a page of the edge itself unless `headers` say otherwise. */
const ask = async (path: string, { cookie }: { cookie: string }, headers: Headers = OWN, init: RequestInit = {}) =>
  await SELF.fetch(`${EDGE}${path}`, { ...init, headers: { Cookie: cookie, ...headers } });
const statusOf = async (...wish: Parameters<typeof ask>) => (await ask(...wish)).status;

let op: Signed;
beforeEach(async () => {
  op = await signIn("op");
});

describe("signing in", () => {
  test("gives a cookie that only this host gets and no script reads, and a CSRF token", async () => {
    expect(op.setCookie).toMatch(
      /^__Host-qkd-session=[0-9a-f]{64}; Path=\/; Max-Age=43\d{3}; Secure; HttpOnly; SameSite=Strict$/,
    );
    expect(op.body).toEqual({
      principal: "operator:op",
      scopes: null,
      csrf: expect.stringMatching(/^[0-9a-f]{128}$/),
      expires: expect.any(String),
    });
    const answer = await ask("/api/v1/whoami", op);
    // Not an operator's alone: a session does not count there.
    expect(answer.status).toBe(401);
    expect(await statusOf("/api/v1/network", op)).toBe(200);
  });

  test("ends with the token at the latest", async () => {
    expect((await signIn("hourly")).body["expires"]).toBe(inAnHour);
  });

  test("keeps to the token's scopes", async () => {
    const reader = await signIn("reader");
    expect(reader.body["scopes"]).toEqual(["network.read"]);
    expect(await statusOf("/api/v1/network", reader)).toBe(200);
    expect(await statusOf("/api/v1/audit", reader)).toBe(403);
  });

  test.each(["sae-a", "agent-1"])("is not for %s", async (who) => {
    const response = await post("/api/v1/session", who, "", OWN);
    expect([response.status, response.headers.get("Set-Cookie")]).toEqual([403, null]);
  });

  test("is not for the bootstrap token, a certificate, or nobody", async () => {
    expect((await post("/api/v1/session", "bootstrap", "", OWN)).status).toBe(401);
    const cf = { tlsClientAuth: tlsClientAuth(await clientCert({ subject: "CN=op" })), qkd: { node: "n1" } };
    expect((await SELF.fetch(`${EDGE}/api/v1/session`, { method: "POST", headers: OWN, cf })).status).toBe(403);
    expect((await call("/api/v1/session", { method: "POST", headers: OWN })).status).toBe(401);
  });

  test.each<[string, Headers]>([
    ["of another host", { Origin: "https://evil.example" }],
    ["of an origin that the network document names", { Origin: APP, "Sec-Fetch-Site": "cross-site" }],
    ["of a neighbouring host", { "Sec-Fetch-Site": "same-site" }],
  ])("is not for a page %s", async (_, headers) => {
    expect((await post("/api/v1/session", "op", "", headers)).status).toBe(403);
  });

  test("never takes the id that the browser brings, and ends the session before", async () => {
    const made = `__Host-qkd-session=${"a".repeat(64)}`;
    const fixed = await signIn("op", { ...OWN, Cookie: made });
    expect(fixed.cookie).not.toBe(made);
    expect(await statusOf("/api/v1/network", { cookie: made })).toBe(401);

    const second = await signIn("op", { ...OWN, Cookie: op.cookie });
    expect(second.cookie).not.toBe(op.cookie);
    expect(await statusOf("/api/v1/network", op)).toBe(401);
    expect(await statusOf("/api/v1/network", second)).toBe(200);
  });
});

describe("a session", () => {
  test("tells whose it is, with a CSRF token for every tab", async () => {
    const answers = await Promise.all(
      [1, 2].map(async () => await (await ask("/api/v1/session", op)).json<{ principal: string; csrf: string }>()),
    );
    expect(answers.map(({ principal }) => principal)).toEqual(["operator:op", "operator:op"]);
    const tokens = [op.csrf, ...answers.map(({ csrf }) => csrf)];
    expect(new Set(tokens).size).toBe(3);
    for (const csrf of tokens) {
      const headers = { ...OWN, "QKD-CSRF": csrf };
      const answer = await ask("/api/v1/network/diff", op, headers, { method: "POST", body: JSON.stringify(NETWORK) });
      expect(answer.status).toBe(200);
    }
  });

  test("is not asked for where a token is shown", async () => {
    expect((await call("/api/v1/session", { as: "op", headers: { Cookie: op.cookie, ...OWN } })).status).toBe(404);
    expect((await call("/api/v1/network", { as: "sae-a", headers: { Cookie: op.cookie, ...OWN } })).status).toBe(403);
  });

  test("and a certificate of somebody else are nobody", async () => {
    const cf = { tlsClientAuth: tlsClientAuth(await clientCert({ subject: "CN=sae-a" })), qkd: { node: "n1" } };
    const headers = { Cookie: op.cookie, ...OWN };
    expect((await SELF.fetch(`${EDGE}/api/v1/network`, { headers, cf })).status).toBe(401);
  });

  test.each<[string, Headers]>([
    ["no word of a browser", {}],
    ["an image or a link of another host", { "Sec-Fetch-Site": "cross-site" }],
    ["a page of a neighbouring host, or port", { "Sec-Fetch-Site": "same-site" }],
    ["a form of another host", { Origin: "https://evil.example" }],
    ["a page that somebody on the way made up", { Origin: EDGE.replace("https", "http") }],
    ["a sandboxed page", { Origin: "null" }],
    ["an origin that the network document names", { Origin: APP }],
    ["one that says two things", { Origin: EDGE, "Sec-Fetch-Site": "cross-site" }],
  ])("counts for nobody with %s", async (_, headers) => {
    expect(await statusOf("/api/v1/network", op, headers)).toBe(401);
    const init = { method: "POST", body: JSON.stringify(NETWORK) };
    expect(await statusOf("/api/v1/network/diff", op, { ...headers, "QKD-CSRF": op.csrf }, init)).toBe(401);
  });

  test.each<[string, Headers]>([
    ["of this edge", { Origin: EDGE, "Sec-Fetch-Site": "same-origin" }],
    ["of this edge, by an older browser", { Origin: EDGE }],
    ["that the user called up", { "Sec-Fetch-Site": "none" }],
  ])("counts for a page %s", async (_, headers) => {
    expect(await statusOf("/api/v1/network", op, headers)).toBe(200);
  });

  test("changes nothing without the header that only the edge's pages can send", async () => {
    const other = await signIn("op");
    const before = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
    const init = { method: "PUT", body: JSON.stringify({ ...NETWORK, operators: OPERATORS, name: "changed" }) };
    for (const csrf of [undefined, "", "x", other.csrf, op.csrf.slice(2), `${op.csrf}0`]) {
      const headers = { ...OWN, "If-Match": before, ...(csrf === undefined ? {} : { "QKD-CSRF": csrf }) };
      const refused = await ask("/api/v1/network", op, headers, init);
      expect([refused.status, (await errorOf(refused)).message]).toEqual([
        403,
        "header QKD-CSRF: shall be one that GET /api/v1/session gave",
      ]);
    }
    expect(await statusOf("/api/v1/session", op, OWN, { method: "DELETE" })).toBe(403);
    expect((await call("/api/v1/network", { as: "op" })).headers.get("ETag")).toBe(before);
  });

  test("opens no WebSocket but of a page that says it is the edge's", async () => {
    // What a socket's route does with a caller is its own: that this one is let in shows by its answer.
    const upgrade = { Upgrade: "websocket" };
    expect(await statusOf("/api/v1/network", op, { ...OWN, ...upgrade })).toBe(401);
    expect(await statusOf("/api/v1/network", op, { ...OWN, ...upgrade, Origin: "https://evil.example" })).toBe(403);
    expect(await statusOf("/api/v1/network", op, { ...OWN, ...upgrade, Origin: EDGE })).toBe(200);
  });

  test.each([
    ["two of them", (cookie: string) => `${cookie}; ${cookie}`],
    ["one of another form", () => "__Host-qkd-session=x"],
    ["one that was never given", () => `__Host-qkd-session=${"0".repeat(64)}`],
  ])("is none: %s", async (_, cookieOf) => {
    expect(await statusOf("/api/v1/network", { cookie: cookieOf(op.cookie) })).toBe(401);
  });

  test("counts nowhere but where operators act: not for keys, nor for what a site exposes", async () => {
    const ids = OPERATION_IDS.filter((id) => countsSession(OPERATIONS[id]));
    const tags = new Set(ids.map((id) => OPERATIONS[id].tag));
    for (const tag of ["Keys", "Streams", "Rooms", "QKD module", "Key hand-over", "Open-QKD-Network", "Pages"] as const)
      expect(tags).not.toContain(tag);
    expect(ids).not.toContain("useService");
    const headers = { ...OWN, "QKD-CSRF": op.csrf };
    for (const path of ["/api/v1/keys/sae-b/enc_keys", "/api/v1/keys/sae-b/status", "/api/v1/keys/sae-a/dec_keys"]) {
      expect(await statusOf(path, op, headers)).toBe(401);
      expect(await statusOf(path, op, headers, { method: "POST", body: "{}" })).not.toBe(200);
    }
    // Where a key route's caller is known by a token, the cookie beside it is not looked at, whatever it holds.
    const mixed = { as: "sae-a", headers: { ...OWN, Cookie: `${op.cookie}; ${op.cookie}` } };
    expect((await call("/api/v1/keys/sae-b/status", mixed)).status).toBe(200);
    expect(await statusOf("/api/v1/sites/n1/services/x/", op)).toBe(401);
  });
});

describe("a session ends", () => {
  test("when the operator signs out, at once and for good", async () => {
    const response = await ask("/api/v1/session", op, { ...OWN, "QKD-CSRF": op.csrf }, { method: "DELETE" });
    expect([response.status, response.headers.get("Set-Cookie")]).toEqual([
      204,
      "__Host-qkd-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
    ]);
    expect(await statusOf("/api/v1/session", op)).toBe(401);
    expect(await statusOf("/api/v1/network", op)).toBe(401);
  });

  test("when its token is revoked", async () => {
    const leaving = await signIn("leaving");
    expect(await statusOf("/api/v1/network", leaving)).toBe(200);
    const revocation = { kind: "token", value: tokenSha256(token("leaving")), reason: "laptop lost" };
    expect((await post("/api/v1/revocations", "op", revocation)).status).toBe(201);
    await expect.poll(async () => await statusOf("/api/v1/network", leaving)).toBe(401);
  });

  test("when its operator leaves the network, or the token becomes another's", async () => {
    const [removed, former] = [await signIn("removed"), await signIn("former")];
    const operators = OPERATORS.filter(({ id }) => id !== "removed" && id !== "former");
    const later = [...operators, { ...operator("former"), id: "latter" }];
    const etag = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
    const body = JSON.stringify({ ...NETWORK, operators: later, browser_origins: [APP] });
    const put = await call("/api/v1/network", { as: "op", method: "PUT", headers: { "If-Match": etag }, body });
    expect(put.status).toBe(200);
    for (const gone of [removed, former])
      await expect.poll(async () => await statusOf("/api/v1/network", gone)).toBe(401);
    expect((await call("/api/v1/network", { as: "former" })).status).toBe(200);
  });

  test("when it is too old", async () => {
    await runInDurableObject(
      sessionsOf(env as unknown as Env) as never,
      (_: unknown, { storage }: DurableObjectState) => {
        storage.sql.exec("UPDATE session SET expires_ms = ? WHERE operator = 'op'", Date.now());
      },
    );
    expect(await statusOf("/api/v1/network", op)).toBe(401);
  });

  test("when the operator has begun so many more", async () => {
    const first = await signIn("many");
    const second = await signIn("many");
    for (let count = 2; count < LIMITS.sessionsEach; count++) await signIn("many");
    expect(await statusOf("/api/v1/network", first)).toBe(200);
    const newest = await signIn("many");
    await expect.poll(async () => await statusOf("/api/v1/network", first)).toBe(401);
    expect(await statusOf("/api/v1/network", second)).toBe(200);
    expect(await statusOf("/api/v1/network", newest)).toBe(200);
    expect(await statusOf("/api/v1/network", op)).toBe(200);
  });
});

const auditLog = async () => await (await call("/api/v1/audit?limit=1000", { as: "op" })).text();

test("the audit log has who signed in and out, and no id of a session", async () => {
  await ask("/api/v1/session", op, { ...OWN, "QKD-CSRF": op.csrf }, { method: "DELETE" });
  await expect.poll(auditLog).toMatch(/"session\.begin"[^]*"session\.end"/);
  const id = op.cookie.split("=")[1] ?? "";
  for (const secret of [id, tokenSha256(id), op.csrf]) expect(await auditLog()).not.toContain(secret);
});
