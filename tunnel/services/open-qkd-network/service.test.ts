import { writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Asked, FakeStreams, jsonAnswer } from "../../../test/support/fake-streams.ts";
import { Lines, temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { checkConfig } from "../../agent/config/load.ts";
import { Edge } from "../../agent/link/edge.ts";
import { askAsCaller } from "../etsi004/as-agent.ts";
import type { OpenQkdNetworkConfig } from "./config.ts";
import { startOpenQkdNetwork } from "./service.ts";

const TOKEN = { access_token: "t", token_type: "bearer", refresh_token: "r", expires_in: 43_199, scope: "openid" };

async function start(more: Partial<OpenQkdNetworkConfig> = {}) {
  const fake = await FakeStreams.start();
  fake.intercept = () => jsonAnswer(200, TOKEN);
  const entry = { node: "tn-1", token_port: 0, api_port: 0, ...more };
  const [config] = checkConfig({ edge: fake.url, site: "site-a", open_qkd_network: [entry] }).open_qkd_network;
  const edge = new Edge({ edge: fake.url });
  const lines = new Lines();
  const services = await startOpenQkdNetwork({
    config: config ?? expect.unreachable(),
    ask: askAsCaller(edge),
    log: lines.log,
  });
  onTestFinished(() => {
    for (const service of services) service.close();
    edge.close();
  });
  const [token, api] = services.map(({ port }) => port);
  return { fake, lines, token: token ?? 0, api: api ?? 0 };
}

interface Said {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly json: unknown;
}

function request(
  port: number,
  method: string,
  target: string,
  headers: http.OutgoingHttpHeaders = {},
  body?: string,
): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const sent = http.request({ port, host: "127.0.0.1", method, path: target, headers, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    response.once("end", () =>
      resolve({ status: response.statusCode, headers: response.headers, json: JSON.parse(text) as unknown }),
    );
  });
  sent.once("error", reject);
  sent.end(body);
  return promise;
}

const BASIC = { authorization: "Basic aHRtbDU6cGFzc3dvcmQ=" };
const BEARER = { authorization: "Bearer qkdk.html5.x" };
/** As libcurl sends it by default. */
const FORM = { "content-type": "application/x-www-form-urlencoded" };
/** As tls-kms-demo and c-toxcore have it. */
const ASK = "password=bot&client_secret=password&client=html5&username=pwebb&grant_type=password&scope=openid";
const asked = ({ asked: all }: FakeStreams) =>
  all.map(({ headers: { authorization }, ...each }) => ({
    method: each.method,
    path: each.path,
    body: each.body,
    authorization,
  }));

test("a token is asked for with the application's own client and user, and with nothing of the agent's", async () => {
  const { fake, token } = await start();
  const answer = await request(token, "POST", "/uaa/oauth/token", { ...BASIC, ...FORM }, ASK);
  expect(answer).toMatchObject({ status: 200, json: TOKEN, headers: { "cache-control": "no-store" } });
  expect(asked(fake)).toEqual([{ method: "POST", path: "/uaa/oauth/token", body: ASK, ...BASIC }]);
  expect(fake.asked[0]?.headers).toMatchObject(FORM);
  expect(Object.keys(fake.asked[0]?.headers ?? {}).filter((name) => name.startsWith("qkd"))).toEqual([]);
});

test("keys by the application's token, by query or form, and the variant of ETSI 014", async () => {
  const { fake, api } = await start();
  await request(api, "POST", "/api/newkey", { ...BEARER, ...FORM }, "siteid=B");
  await request(api, "GET", "/api/getkey?siteid=A&index=0&blockid=x", BEARER);
  await request(api, "GET", "/api/v1/keys/B%20C/enc_keys", BEARER);
  await request(api, "GET", "/api/v1/keys/B/dec_keys?key_ID=0-x");
  expect(asked(fake)).toEqual([
    { method: "POST", path: "/api/newkey", body: "siteid=B", ...BEARER },
    { method: "GET", path: "/api/getkey?siteid=A&index=0&blockid=x", body: "", ...BEARER },
    { method: "GET", path: "/api/v1/keys/B%20C/enc_keys", body: "", ...BEARER },
    { method: "GET", path: "/api/v1/keys/B/dec_keys?key_ID=0-x", body: "", authorization: undefined },
  ]);
});

test("a user that an application has built in is another one at this site, and its password is left alone", async () => {
  const { fake, token } = await start({ users: { pwebb: "site 2", other: "x" } });
  await request(token, "POST", "/uaa/oauth/token", { ...BASIC, ...FORM }, ASK);
  await request(token, "POST", "/uaa/oauth/token", { ...BASIC, ...FORM }, ASK.replace("pwebb", "someone"));
  expect(fake.asked.map(({ body }) => body)).toEqual([
    ASK.replace("pwebb", "site%202"),
    ASK.replace("pwebb", "someone"),
  ]);
});

test("what the edge refuses comes as it is, with the headers that its clients read", async () => {
  const { fake, token, api } = await start();
  fake.intercept = () => ({
    ...jsonAnswer(401, { error: "invalid_client" }),
    headers: { "content-type": "application/json", "www-authenticate": "Basic", "retry-after": "3", "x-inner": "1" },
  });
  const answer = await request(token, "POST", "/uaa/oauth/token", FORM, ASK);
  expect(answer).toMatchObject({ status: 401, json: { error: "invalid_client" } });
  expect(answer.headers).toMatchObject({ "www-authenticate": "Basic", "retry-after": "3" });
  expect(answer.headers["x-inner"]).toBeUndefined();
  expect((await request(api, "GET", "/api/newkey?siteid=B")).status).toBe(401);
});

test.each([
  ["token", "/api/newkey", "GET", 404],
  ["token", "/uaa/oauth/token/", "POST", 404],
  ["token", "/uaa/user", "GET", 404],
  ["token", "/uaa/oauth/token", "GET", 405],
  ["api", "/uaa/oauth/token", "POST", 404],
  ["api", "/api/v1/network", "GET", 404],
  ["api", "/api/v1/keys/../enc_keys", "GET", 404],
  ["api", "/api/v1/keys/%2e%2E/enc_keys", "GET", 404],
  ["api", "/api/v1/keys/a/b/enc_keys", "GET", 404],
  ["api", "/api/v1/keys/B/enc_keys/x", "GET", 404],
  ["api", "//api/newkey", "GET", 404],
  ["api", "/api/newkey", "DELETE", 405],
] as const)(
  "at %s %s by %s is nothing of the API: never asked for, told as JSON",
  async (which, target, method, status) => {
    const { fake, ...ports } = await start();
    const answer = await request(ports[which], method, target);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ error: expect.any(String) as unknown });
    if (status === 405) expect(answer.headers.allow).toBe(which === "token" ? "POST" : "GET, POST");
    expect(fake.asked).toEqual([]);
  },
);

test("pages in browsers are refused, and names that are not this listener's", async () => {
  const { fake, token, api, lines } = await start({ hosts: ["kms.example"] });
  for (const headers of [
    { origin: "http://127.0.0.1" },
    { "sec-fetch-site": "cross-site" },
    { host: "evil.example" },
  ] as const) {
    expect(await request(token, "POST", "/uaa/oauth/token", { ...headers, ...FORM }, ASK)).toMatchObject({
      status: 403,
      json: { error: "access_denied" },
    });
    expect(await request(api, "GET", "/api/newkey?siteid=B", headers)).toMatchObject({
      status: 403,
      json: { index: -2, hexKey: null, blockId: null },
    });
  }
  expect(fake.asked).toEqual([]);
  expect(lines.count("request refused")).toBeGreaterThan(0);
  expect((await request(api, "GET", "/api/newkey?siteid=B", { host: "kms.example:8095" })).status).toBe(200);
});

const signedIn = (secret: string, more: Partial<OpenQkdNetworkConfig> = {}) => {
  const file = path.join(temporaryFolder(), "secret");
  writeFileSync(file, `${secret}\n`);
  return start({ sign_in: { client: "apps", secret_file: file }, ...more });
};
const KEY = { index: 0, hexKey: "00".repeat(32), blockId: "b" };
/** An edge that takes this token only. */
const taking =
  (token: string) =>
  ({ path: target, headers }: Asked) =>
    target === "/uaa/oauth/token"
      ? jsonAnswer(200, { ...TOKEN, access_token: token })
      : jsonAnswer(headers.authorization === `Bearer ${token}` ? 200 : 401, KEY);

test("who asks for keys without a token gets them by the agent's client, where it has one: as qTox does", async () => {
  const { fake, token, api } = await signedIn("a secret");
  fake.intercept = taking("first");
  const both = await Promise.all([
    request(api, "POST", "/api/newkey", FORM, "siteid=B"),
    request(api, "GET", "/api/newkey?siteid=B", { authorization: "Bearer " }),
  ]);
  expect(both.map(({ status, json }) => [status, json])).toEqual([
    [200, KEY],
    [200, KEY],
  ]);
  const basic = `Basic ${Buffer.from("apps:a secret").toString("base64")}`;
  const [signIn, ...rest] = asked(fake);
  expect(signIn).toMatchObject({ method: "POST", path: "/uaa/oauth/token", authorization: basic });
  expect(signIn?.body).toContain("grant_type=client_credentials");
  expect(rest.map(({ path: each, authorization }) => `${each} ${authorization}`).toSorted()).toEqual([
    "/api/newkey Bearer first",
    "/api/newkey?siteid=B Bearer first",
  ]);
  fake.intercept = taking("second");
  expect((await request(api, "GET", "/api/newkey?siteid=C")).status).toBe(200);
  expect(asked(fake).at(-1)).toMatchObject({ path: "/api/newkey?siteid=C", authorization: "Bearer second" });
  const count = fake.asked.length;
  expect((await request(api, "GET", "/api/newkey?siteid=B", BEARER)).status).toBe(401);
  await request(token, "POST", "/uaa/oauth/token", FORM, ASK);
  expect(asked(fake).slice(count)).toMatchObject([BEARER, { path: "/uaa/oauth/token", authorization: undefined }]);
});

test("an agent that cannot sign in says so, and asks for no key", async () => {
  const { fake, api, lines } = await signedIn("wrong");
  fake.intercept = () => jsonAnswer(401, { error: "invalid_client" });
  expect(await request(api, "GET", "/api/newkey?siteid=B")).toMatchObject({
    status: 503,
    json: { index: -2, error: "the request has no token, and the site's agent has none for it at present" },
  });
  expect(asked(fake).map(({ path: each }) => each)).toEqual(["/uaa/oauth/token"]);
  expect(lines.count("HTTP 401, invalid_client")).toBe(1);
  expect(lines.count("wrong")).toBe(0);
});

test("a form that is too large, and an edge that is away; no log line holds a password, a token or a form", async () => {
  const { fake, token, api, lines } = await start({ users: { pwebb: "site2" } });
  const large = await request(token, "POST", "/uaa/oauth/token", { ...BASIC, ...FORM }, ASK + "x".repeat(1024 * 1024));
  expect(large).toMatchObject({ status: 413, json: { error: "invalid_request" } });
  await request(api, "GET", "/nowhere?password=bot", { ...BEARER, host: "evil.example" });
  expect(fake.asked).toEqual([]);
  fake.close();
  const [noToken, noKey] = await Promise.all([
    request(token, "POST", "/uaa/oauth/token", { ...BASIC, ...FORM }, ASK),
    request(api, "GET", "/api/newkey?siteid=B", BEARER),
  ]);
  expect(noToken).toMatchObject({ status: 503, json: { error: "temporarily_unavailable" } });
  expect(noKey).toMatchObject({
    status: 503,
    json: { index: -2, hexKey: null, blockId: null, error: expect.stringContaining("the edge") as unknown },
  });
  expect(lines.count("the edge cannot be asked")).toBeGreaterThan(0);
  for (const secret of ["bot", "aHRtbDU6", "qkdk.html5", "password="]) expect(lines.count(secret)).toBe(0);
});
