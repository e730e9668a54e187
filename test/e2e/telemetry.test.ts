/** What an operator sees of a network as `npm start` runs it: sessions, metrics, request ids from end to end, and traces. */
import { once } from "node:events";
import { renameSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../scripts/start/ports.ts";
import { CATALOGUE } from "../../shared/metrics/catalogue.ts";
import { parseMetrics } from "../support/prometheus.ts";
import { startAgent, tunnelNetwork, type TunnelNetwork } from "../support/tunnel-net.ts";

interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, string>> }[];
  readonly status: { readonly code?: number };
}
interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: SeenSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly SeenSpan[] }[];
  }[];
}

/** A collector of traces on this machine. */
const posts: { readonly request: http.IncomingMessage; readonly body: Export }[] = [];
const collector = http.createServer((request, response) => {
  void collect(request, response);
});
async function collect(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  posts.push({ request, body: JSON.parse(await text(request)) as Export });
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
}
const spans = (): readonly SeenSpan[] =>
  posts.flatMap(({ body }) => body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans)));

let network: TunnelNetwork;
beforeAll(async () => {
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`,
    OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=secret%20of%20the%20collector",
    OTEL_SERVICE_NAME: "qkd-under-test",
  });
  network = await tunnelNetwork({ args: ["--prefill", "1"] });
});
afterAll(async () => {
  await network.stop();
  collector.close();
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const sampled = { traceparent: `00-${TRACE}-${PARENT}-01` };

test("a browser's session, over the wire", async () => {
  const own = { "Sec-Fetch-Site": "same-origin" };
  const signedIn = await network.fetch("/api/v1/session", "operator", { method: "POST", headers: own });
  expect(signedIn.status).toBe(200);
  const cookie = signedIn.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
  expect(cookie).toMatch(/^__Host-qkd-session=[0-9a-f]{64}$/);
  const { csrf, principal } = (await signedIn.json()) as { csrf: string; principal: string };
  expect(principal).toBe("operator:operator");
  // The client here may not say `Sec-Fetch-Site` itself; browsers say `Origin` too where it is not a GET.
  const as = async (method: string, path: string, headers: Record<string, string>) => {
    const request = http.request(network.edge + path, { method, headers: { cookie, ...own, ...headers } });
    request.end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    await text(response);
    return response.statusCode;
  };
  expect(await as("GET", "/api/v1/network", {})).toBe(200);
  expect(await as("GET", "/api/v1/network", { "sec-fetch-site": "cross-site" })).toBe(401);
  expect(await as("GET", "/api/v1/keys/sae-c/enc_keys", {})).toBe(401);
  expect(await as("DELETE", "/api/v1/session", { origin: network.edge })).toBe(403);
  expect(await as("DELETE", "/api/v1/session", { origin: network.edge, "qkd-csrf": csrf })).toBe(204);
  expect(await as("GET", "/api/v1/network", {})).toBe(401);
});

test("a KME front answers with the request's id, and what it asks in a batch is counted and told of by that", async () => {
  const ENC = "/api/v1/keys/sae-c/enc_keys";
  const given = await network.request("tn-1", "sae-a", ENC, { headers: { "X-Request-Id": "front-1", ...sampled } });
  expect([given.status, given.headers["x-request-id"]]).toEqual([200, "front-1"]);
  const made = await network.request("tn-1", "sae-a", ENC);
  expect(made.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  const lone = await network.request("tn-1", "sae-a", "/api/v1/keys/sae-c/status", {
    headers: { "X-Request-Id": "front-2" },
  });
  expect([lone.status, lone.headers["x-request-id"]]).toEqual([200, "front-2"]);
  const refused = await network.request("tn-2", "sae-a", ENC, { headers: { "X-Request-Id": "front-3" } });
  expect([refused.status, refused.headers["x-request-id"]]).toEqual([401, "front-3"]);
  await expect
    .poll(network.output)
    .toMatch(/"event":"unauthorised","reason":"an SAE of another KME","request_id":"front-3"/);
  await expect
    .poll(() => spans().find((span) => idOf(span) === "front-1"))
    .toMatchObject({
      traceId: TRACE,
      parentSpanId: PARENT,
      name: "getEncKeys",
    });
});

/** What OpenTelemetry calls a span's kind. */
const [SERVED, CALL] = [2, 3];

test("a request's calls of objects are spans below its own, and so is what an object does for it", async () => {
  const ENC = "/api/v1/keys/sae-c/enc_keys";
  const asked = { "X-Request-Id": "with-calls", ...sampled };
  for (const ask of [
    // In a batch, and alone.
    async () => (await network.request("tn-1", "sae-a", ENC, { headers: asked })).status,
    async () => (await network.fetch(ENC, "sae-a", { headers: { ...asked, "X-Request-Id": "alone" } })).status,
  ])
    expect(await ask()).toBe(200);
  for (const id of ["with-calls", "alone"]) {
    await expect.poll(() => found(id)).toBeDefined();
    const below = (spanId = "") => spans().filter(({ parentSpanId }) => parentSpanId === spanId);
    const callOf = () => below(found(id)?.spanId).find(({ name }) => name === "KeyPool.encKeys");
    await expect.poll(callOf).toMatchObject({ traceId: TRACE, kind: CALL, attributes: [], status: {} });
    await expect
      .poll(() => below(callOf()?.spanId))
      .toMatchObject([{ traceId: TRACE, name: "KeyPool.encKeys", kind: SERVED, attributes: [], status: {} }]);
  }
});

test("an object's own log has the request's id; a call that fails is an error in its trace", async () => {
  const keys = join(network.state, "epoch-keys");
  renameSync(keys, `${keys}-away`);
  try {
    const headers = { "X-Request-Id": "no-keys", ...sampled };
    const rolled = await network.fetch("/api/v1/epochs/roll", "operator", { method: "POST", headers });
    expect(rolled.status).toBe(503);
  } finally {
    renameSync(`${keys}-away`, keys);
  }
  const linesOf = () =>
    network
      .output()
      .split("\n")
      .filter((line) => line.includes('"request_id":"no-keys"'))
      .map((line) => JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>);
  const reasons = () => linesOf().map(({ reason }) => reason);
  await expect
    .poll(reasons)
    .toEqual(["Directory.rollEpoch", "an object did not answer", "postEpochsRoll: unavailable"]);
  for (const line of linesOf()) expect(line["trace_id"]).toBe(TRACE);
  await expect.poll(() => failed("Directory.rollEpoch")).toEqual(new Set([CALL, SERVED]));
});

/** The kinds of those spans of a call that are errors. */
const failed = (call: string): Set<number> =>
  new Set(spans().flatMap(({ name, kind, status }) => (name === call && status.code === 2 ? [kind] : [])));
const found = (id: string): SeenSpan | undefined => spans().find((span) => idOf(span) === id);
const idOf = ({ attributes }: SeenSpan): string | undefined =>
  attributes.find(({ key }) => key === "qkd.request_id")?.value["stringValue"];

test("traces reach the collector as OpenTelemetry has them, with its secret, and without what a path tells", async () => {
  await network.fetch("/api/v1/links/no-such-link", "operator", { headers: { "X-Request-Id": "traced", ...sampled } });
  await network.fetch("/api/v1/keys/sae-c/status", "sae-a", { headers: { "X-Request-Id": "own-trace" } });
  await expect.poll(() => found("traced")).toBeDefined();
  await expect.poll(() => found("own-trace")).toBeDefined();
  const span = found("traced");
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, name: "getLink", kind: 2, status: {} });
  expect(span?.spanId).toMatch(/^[0-9a-f]{16}$/);
  expect(BigInt(span?.endTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(BigInt(span?.startTimeUnixNano ?? 1));
  expect(span?.attributes).toEqual([
    { key: "http.request.method", value: { stringValue: "GET" } },
    { key: "http.route", value: { stringValue: "/api/v1/links/{link}" } },
    { key: "http.response.status_code", value: { intValue: "404" } },
    { key: "qkd.request_id", value: { stringValue: "traced" } },
  ]);
  const own = found("own-trace");
  expect(own?.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(own).not.toHaveProperty("parentSpanId");
  for (const { request, body } of posts) {
    expect([request.method, request.url]).toEqual(["POST", "/v1/traces"]);
    expect(request.headers).toMatchObject({
      "content-type": "application/json",
      "x-api-key": "secret of the collector",
    });
    expect(body.resourceSpans[0]?.resource.attributes).toEqual([
      { key: "service.name", value: { stringValue: "qkd-under-test" } },
    ]);
  }
  expect(JSON.stringify(posts.map(({ body }) => body))).not.toMatch(/sae-c|no-such-link/);
});

test("a trace that its sender does not record is not recorded here", async () => {
  const unsampled = { traceparent: `00-${TRACE.replace("4", "5")}-${PARENT}-00` };
  await network.fetch("/healthz", "operator", { headers: { "X-Request-Id": "unsampled", ...unsampled } });
  await network.fetch("/healthz", "operator", { headers: { "X-Request-Id": "after-it" } });
  await expect.poll(() => spans().some((span) => idOf(span) === "after-it")).toBe(true);
  expect(spans().some((span) => idOf(span) === "unsampled")).toBe(false);
});

test("through the tunnel the device hears the request's id and its place in the trace, and so does the agent's log", async () => {
  const heard: http.IncomingHttpHeaders[] = [];
  const device = http.createServer((request, response) => {
    heard.push(request.headers);
    response.end("ok");
  });
  device.listen(0, "127.0.0.1");
  await once(device, "listening");
  const here = (device.address() as AddressInfo).port;
  const nowhere = await freePort();
  const ports = ["-R", `9001:127.0.0.1:${here}`, "-R", `9002:127.0.0.1:${nowhere}`];
  const agent = startAgent(network, { site: "site-a" }, ...ports, "--allow", "@edge");
  await agent.seen("this instance serves the site");
  const ask = async (service: number, id: string): Promise<number> => {
    const headers = { "X-Request-Id": id, ...sampled };
    return (await network.fetch(`/api/v1/sites/site-a/services/${service}/x`, "operator", { headers })).status;
  };
  expect(await ask(9001, "to-device")).toBe(200);
  expect(heard[0]?.["x-request-id"]).toBe("to-device");
  expect(heard[0]?.["traceparent"]).toMatch(new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-01$`));
  expect(await ask(9002, "to-nobody")).toBe(503);
  const line = await agent.seen("HTTP exchange failed");
  expect(line).toContain("to-nobody");
  expect(line).toContain(TRACE);
  device.close();
});

test.each([
  ["prometheus", "text/plain", "qkd_http_requests_total"],
  ["openmetrics", "application/openmetrics-text", "qkd_http_requests"],
] as const)("metrics of the running network: %s", async (format, accept, requests) => {
  const scrape = async () => {
    const response = await network.fetch("/metrics", "operator", { headers: { Accept: accept } });
    return parseMetrics(await response.text(), format);
  };
  // Whatever did not answer the monitor in time is known a look later.
  const linksUp = async () => {
    const up = (await scrape())
      .get("qkd_link_health")
      ?.samples.filter(({ labels, value }) => labels["health"] === "ok" && value === 1);
    return new Set(up?.map(({ labels }) => labels["link"]));
  };
  await expect.poll(linksUp).toEqual(new Set(["tn-1-tn-2", "tn-2-tn-3", "tn-3-tn-4", "tn-2-tn-5", "tn-3-tn-5"]));
  const families = await scrape();
  for (const name of families.keys()) expect(Object.keys(CATALOGUE)).toContain(name.replace(/_total$/, ""));
  const given = families
    .get(requests)
    ?.samples.find(({ labels: { operation, code } }) => operation === "getEncKeys" && code === "200");
  expect(given?.value).toBeGreaterThanOrEqual(2);
});
