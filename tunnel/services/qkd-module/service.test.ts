import http from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { type Asked, type FakeAnswer, FakeStreams } from "../../../test/support/fake-streams.ts";
import { Lines } from "../../../test/support/tunnel-agent.ts";
import { checkConfig } from "../../agent/config/load.ts";
import type { QkdModuleConfig } from "../etsi004/config.ts";
import { passedAt } from "./paths.ts";
import { startQkdModule } from "./service.ts";

const echo = ({ body }: Asked): FakeAnswer => ({
  status: 200,
  headers: { "content-type": "text/plain; charset=utf-8", "set-cookie": "a=b", "x-inner": "1" },
  body: Buffer.from(body, "latin1"),
});

async function start(more: Partial<Pick<QkdModuleConfig, "hosts" | "peer_modules">> = {}) {
  const edge = await FakeStreams.start();
  edge.intercept = echo;
  const entry = { kind: "qkd-module", port: 0, sae: "sae a/ü", node: "tn-1", ...more } as const;
  const [config] = checkConfig({ edge: edge.url, site: "site-a", etsi004: [entry] }).etsi004;
  const ask = edge.ask(entry.sae, entry.node);
  const service = await startQkdModule({ config: config as QkdModuleConfig, ask, log: new Lines().log });
  onTestFinished(() => service.close());
  return { edge, port: service.port };
}

interface Said {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function request(
  port: number,
  method: string,
  path: string,
  headers: http.OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const sent = http.request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
    let text = "";
    response.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
    response.once("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
  });
  sent.once("error", reject);
  sent.end(body);
  return promise;
}

test("a request goes to the edge as it came, in the SAE's name; the answer comes back, with its type and no more", async () => {
  const { edge, port } = await start();
  const body = "['10.0.0.11', '10.0.0.20:5000', {'timeout': 5000, 'length': 128}, None]";
  const answer = await request(port, "POST", "/open_connect", { accept: "application/x-python-literal" }, body);
  expect(answer).toMatchObject({ status: 200, body });
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(Object.keys(answer.headers)).not.toContain("set-cookie");
  expect(Object.keys(answer.headers)).not.toContain("x-inner");
  expect(edge.asked).toMatchObject([
    {
      method: "POST",
      path: "/open_connect",
      body,
      headers: { accept: "application/x-python-literal", "qkd-sae": "sae%20a%2F%C3%BC", "qkd-node": "tn-1" },
    },
  ]);
  const json = { "content-type": "application/json" };
  await request(port, "POST", "/api/v1/qkdm/actions/open_connect", json, "{}");
  await request(port, "GET", "/api/v1/qkdm/actions/get_id/7b8b6b6e-0000-4000-8000-000000000000?count=-1");
  expect(edge.asked.slice(1).map(({ method, path }) => `${method} ${path}`)).toEqual([
    "POST /api/v1/qkdm/actions/open_connect",
    "GET /api/v1/qkdm/actions/get_id/7b8b6b6e-0000-4000-8000-000000000000?count=-1",
  ]);
});

test("a status that is no success comes as it is", async () => {
  const { edge, port } = await start();
  edge.intercept = () => ({ status: 400, headers: { "retry-after": "3" }, body: '["", -1, 1]' });
  const answer = await request(port, "POST", "/get_key", {}, "['x', -1, None]");
  expect(answer).toMatchObject({ status: 400, body: '["", -1, 1]', headers: { "retry-after": "3" } });
});

test.each([
  ["/", 404],
  ["/api/v1/network", 404],
  ["/api/v1/qkdm/actions/../../network", 404],
  ["/api/v1/qkdm/actions/get_id/%2e%2e", 404],
  ["/api/v1/qkdm/actions/get_id/a/b", 404],
  ["/api/v1/qkdm/actions/constructor", 404],
  ["//open_connect", 404],
  ["http://127.0.0.1/open_connect", 404],
  ["/close/", 404],
])("%s is nothing of the bindings, and never asked for", async (path, status) => {
  const { edge, port } = await start();
  expect((await request(port, "POST", path, {}, "{}")).status).toBe(status);
  expect(edge.asked).toEqual([]);
});

test("a method that is not the call's", async () => {
  const { edge, port } = await start();
  expect((await request(port, "GET", "/open_connect")).status).toBe(405);
  expect(edge.asked).toEqual([]);
});

test("pages in browsers are refused, and names that are not this listener's", async () => {
  const { edge, port } = await start({ hosts: ["qkdm.example", "other.example:81"] });
  const status = async (headers: http.OutgoingHttpHeaders) =>
    (await request(port, "POST", "/close", headers, "['x']")).status;
  for (const headers of [
    { origin: "http://127.0.0.1" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { host: "evil.example" },
    { host: "127.0.0.1.evil.example" },
    { host: "other.example" },
    { host: "127.0.0.1:5000:80" },
  ]) {
    expect([headers, await status(headers)]).toEqual([headers, 403]);
  }
  expect(edge.asked).toEqual([]);
  for (const headers of [
    { host: `localhost:${port}` },
    { host: "[::1]:5000" },
    { host: "qkdm.example" },
    { host: "qkdm.example:5000" },
    { host: "other.example:81" },
    { "sec-fetch-site": "none" },
  ]) {
    expect([headers, await status(headers)]).toEqual([headers, 200]);
  }
});

test("the two modules' own calls are the peer module's only", async () => {
  const nobody = await start();
  const calls = [
    ["GET", "/sync?key_handle=x"],
    ["POST", "/start"],
    ["POST", "/api/v1/qkdm/actions/open_stream"],
    ["POST", "/api/v1/qkdm/actions/exchange"],
  ] as const;
  for (const [method, path] of calls) expect((await request(nobody.port, method, path)).status).toBe(403);
  expect(nobody.edge.asked).toEqual([]);
  const peer = await start({ peer_modules: ["127.0.0.0/8"] });
  for (const [method, path] of calls) expect((await request(peer.port, method, path)).status).toBe(200);
});

const HUGE = "x".repeat(10 * 1024 * 1024);
test.each([
  ["/open_connect", 400, '["", 2]'],
  ["/get_key", 400, '["", -1, 1]'],
  ["/close", 400, "2"],
])("ten megabytes at %s: the binding's own error", async (path, status, body) => {
  const { edge, port } = await start();
  expect(await request(port, "POST", path, {}, HUGE)).toMatchObject({ status, body });
  const chunked = { "transfer-encoding": "chunked" };
  expect(await request(port, "POST", path, chunked, HUGE)).toMatchObject({ status, body });
  expect(edge.asked).toEqual([]);
});

test("the edge is away: each binding's words for it", async () => {
  const { edge, port } = await start();
  edge.close();
  const actions = await request(port, "POST", "/api/v1/qkdm/actions/get_key", {}, "{}");
  expect(actions.status).toBe(503);
  expect(JSON.parse(actions.body)).toEqual({ status: 4, message: "No QKD connection available" });
  const literal = await request(port, "POST", "/open_connect", { accept: "application/x-python-literal" }, "[]");
  expect(literal).toMatchObject({ status: 400, body: "['None', 2]" });
});

test("methods and whose they are, in one table", () => {
  expect(passedAt("/api/v1/qkdm/actions/get_ID/x")?.method).toBe("GET");
  expect(passedAt("/available_keys")).toMatchObject({ method: "POST", isOfPeer: false });
  expect(passedAt("/toString")).toBeNull();
});
