/** What browsers may do here: the edge's own pages, and those of other hosts. */
import { SELF } from "cloudflare:test";
import { beforeAll, describe, expect, test } from "vitest";
import { call, EDGE, errorOf, NETWORK, setUp, token } from "../../test/support/in-workerd-network.ts";
import { clientCert, tlsClientAuth } from "../../test/support/in-workerd-certificates.ts";
import { ROOM_PROTOCOL } from "../../shared/room/wire.ts";

const APP = "https://app.example";
const EVIL = "https://evil.example";
const OWN_HOST = new URL(EDGE).host;

beforeAll(async () => await setUp(1, { ...NETWORK, browser_origins: [APP] }));

const CERTIFICATE = await clientCert({ subject: "CN=sae-a" });
const cf = { tlsClientAuth: tlsClientAuth(CERTIFICATE), qkd: { node: "n1" } };
type Headers = Readonly<Record<string, string>>;

/** With sae-a's certificate, at its KME. */
const byCertificate = async (path: string, headers: Headers, method = "GET"): Promise<Response> =>
  await SELF.fetch(`${EDGE}${path}`, { method, headers, cf });
const stored = async (): Promise<number> =>
  (await (await call("/api/v1/keys/sae-b/status", { as: "sae-a" })).json<{ stored_key_count: number }>())
    .stored_key_count;

describe("a client certificate, which a browser shows for any page", () => {
  test.each<[string, Headers]>([
    ["of this host", { Origin: EDGE, "Sec-Fetch-Site": "same-origin" }],
    ["of this host, by an older browser", { Origin: EDGE }],
    ["that nobody linked to", { "Sec-Fetch-Site": "none" }],
    ["no page at all", {}],
  ])("counts for a page %s", async (_, headers) => {
    expect((await byCertificate("/api/v1/keys/sae-b/enc_keys", headers)).status).toBe(200);
  });

  test.each<[string, Headers]>([
    ["an image or a link of another host", { "Sec-Fetch-Site": "cross-site" }],
    ["a page of a neighbouring host", { "Sec-Fetch-Site": "same-site" }],
    ["a form of another host", { Origin: EVIL }],
    ["a sandboxed page", { Origin: "null" }],
    ["a page that somebody on the way made up", { Origin: EDGE.replace("https", "http") }],
    ["a page of an origin that the network document names", { Origin: APP, "Sec-Fetch-Site": "cross-site" }],
    ["the same by an older browser", { Origin: APP }],
  ])("counts for nobody with %s, and no key is taken", async (_, headers) => {
    const before = await stored();
    for (const method of ["GET", "POST"])
      expect((await byCertificate("/api/v1/keys/sae-b/enc_keys", headers, method)).status).toBe(401);
    expect((await byCertificate("/api/v1/whoami", headers)).status).toBe(401);
    expect(await stored()).toBe(before);
  });

  test("counts at an agent's front for a page of that front, and for no other", async () => {
    const asserted = {
      Authorization: `Bearer ${token("agent-1")}`,
      "Client-Cert": CERTIFICATE,
      "QKD-Node": "n1",
      "QKD-Host": "kme.example:9000",
    };
    const as = async (origin: string) =>
      (await call("/api/v1/whoami", { headers: { ...asserted, Origin: origin } })).status;
    expect([await as("https://kme.example:9000"), await as(EVIL), await as(EDGE)]).toEqual([200, 401, 401]);
    const headers = { ...asserted, Upgrade: "websocket", Origin: "https://kme.example:9000" };
    const { status, webSocket } = await call("/api/v1/rooms/sae-b", { headers });
    expect(status).toBe(101);
    webSocket?.accept();
    webSocket?.close();
  });
});

describe("a page of an origin that the network document names", () => {
  test("may ask before it asks", async () => {
    const headers = { Origin: APP, "Access-Control-Request-Method": "POST" };
    for (const path of ["/api/v1/keys/sae-b/enc_keys", "/uaa/oauth/token"]) {
      const { status, headers: said } = await call(path, { method: "OPTIONS", headers });
      expect([status, said.get("Access-Control-Allow-Origin"), said.get("Vary")]).toEqual([204, APP, "Origin"]);
      expect(said.get("Access-Control-Allow-Headers")).toBe("Authorization, Content-Type, Idempotency-Key");
      expect(said.get("Access-Control-Allow-Methods")).toContain("POST");
      expect(said.get("Access-Control-Allow-Credentials")).toBeNull();
    }
  });

  test("may read answers, also those that refuse", async () => {
    const headers = { Origin: APP, "Sec-Fetch-Site": "cross-site" };
    for (const [as, status] of [
      ["sae-a", 200],
      ["nobody", 401],
    ] as const) {
      const answer = await call("/api/v1/whoami", { as, headers });
      const said = ["Allow-Origin", "Expose-Headers", "Allow-Credentials"].map((name) =>
        answer.headers.get(`Access-Control-${name}`),
      );
      expect([answer.status, ...said]).toEqual([status, APP, "Retry-After", null]);
      expect(answer.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  test.each([
    ["of another", EVIL, "/api/v1/whoami"],
    ["of one that only begins so", `${APP}.evil.example`, "/api/v1/whoami"],
    ["of no origin", "null", "/api/v1/whoami"],
    ["where there is nothing for others", APP, "/messenger/"],
    ["where there is nothing for others", APP, "/healthz"],
  ])("may do more than one %s (%s)", async (_, origin, path) => {
    const asked = { Origin: origin, "Access-Control-Request-Method": "GET" };
    expect((await call(path, { method: "OPTIONS", headers: asked })).status).toBe(405);
    const { headers } = await call(path, { as: "sae-a", headers: { Origin: origin } });
    expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });
});

/** A room's WebSocket, or what is at another path, with sae-a's token. */
const open = async (origin: string, path = "/api/v1/rooms/sae-b"): Promise<Response> => {
  const protocols = `${ROOM_PROTOCOL}, bearer.${token("sae-a")}`;
  const headers = { Upgrade: "websocket", Origin: origin, "Sec-WebSocket-Protocol": protocols };
  const response = await SELF.fetch(`${EDGE}${path}`, { headers });
  response.webSocket?.accept();
  response.webSocket?.close();
  return response;
};

describe("a WebSocket", () => {
  test.each([EDGE, APP])("is for pages of %s", async (origin) => {
    expect((await open(origin)).status).toBe(101);
  });

  test.each([EVIL, "null", `http://${OWN_HOST}`, `${EDGE}:8443`])(
    "is not for pages of %s, whoever is said to be there",
    async (origin) => {
      const refused = await open(origin);
      expect([refused.status, (await errorOf(refused)).message]).toEqual([
        403,
        "header Origin: pages of other origins may not open this WebSocket",
      ]);
      expect((await open(origin, "/api/v1/tunnel/n1")).status).toBe(403);
    },
  );
});

describe("the messenger's page", () => {
  test("is served with headers that let it load nothing from elsewhere", async () => {
    const page = await call("/messenger/");
    const said = (name: string) => page.headers.get(name);
    expect([page.status, said("Content-Type"), said("Cache-Control")]).toEqual([
      200,
      "text/html; charset=utf-8",
      "no-cache",
    ]);
    const policy = said("Content-Security-Policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect([said("X-Content-Type-Options"), said("Referrer-Policy"), said("Cross-Origin-Opener-Policy")]).toEqual([
      "nosniff",
      "no-referrer",
      "same-origin",
    ]);
    expect(said("Permissions-Policy")).toMatch(/^microphone=\(self\), camera=\(\)/);
    expect(said("Set-Cookie")).toBeNull();
    const html = await page.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc="\/messenger\/assets\/)|\son\w+=|style="|https?:\/\//);

    const [script = ""] = /\/messenger\/assets\/[\w-]+\.js/.exec(html) ?? [];
    const file = await call(script);
    expect([file.status, file.headers.get("Content-Type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    expect(file.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
    expect(file.headers.get("X-Content-Type-Options")).toBe("nosniff");
    await file.body?.cancel();
  });

  test("has one address, and answers HEAD without a body", async () => {
    const moved = await call("/messenger", { redirect: "manual" });
    expect([moved.status, moved.headers.get("Location")]).toEqual([308, "/messenger/"]);
    const head = await call("/messenger/", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await call("/messenger/", { method: "POST" })).status).toBe(405);
  });

  test.each([
    "/messenger/nope.js",
    "/messenger/assets",
    "/messenger/assets/",
    "/messenger/index",
    "/messenger/index.htm",
    "/messenger/.git",
    "/messenger/..%2findex.html",
    "/messenger/%252e%252e/index.html",
    "/messenger//index.html",
    "/messenger/index.html%00.js",
  ])("has no other files: %s", async (path) => {
    expect((await call(path)).status).toBe(404);
  });
});

describe("the dashboard's page", () => {
  test("is at the root, under headers like the messenger's, and asks for no microphone", async () => {
    const page = await call("/");
    expect([page.status, page.headers.get("Content-Type"), page.headers.get("Cache-Control")]).toEqual([
      200,
      "text/html; charset=utf-8",
      "no-cache",
    ]);
    expect(page.headers.get("Content-Security-Policy")).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(page.headers.get("Permissions-Policy")).toMatch(/^microphone=\(\), camera=\(\)/);
    expect(page.headers.get("Set-Cookie")).toBeNull();
    const [script = ""] = /\/dashboard\/assets\/[\w-]+\.js/.exec(await page.text()) ?? [];
    const file = await call(script);
    expect([file.status, file.headers.get("Content-Type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    await file.body?.cancel();
  });

  test("answers HEAD without a body, and takes it for no other path's", async () => {
    const head = await call("/", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await call("/healthz", { method: "HEAD" })).status).toBe(405);
    expect((await call("/", { method: "POST" })).status).toBe(405);
  });

  test.each(["/dashboard/", "/dashboard/assets/", "/dashboard/index", "/dashboard/..%2fmessenger/index.html"])(
    "has no other files: %s",
    async (path) => expect((await call(path)).status).toBe(404),
  );
});
