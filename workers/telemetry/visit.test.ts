/** What an answer says of its request, and the log of those that failed. */
import { SELF } from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { item, together } from "../../test/support/in-workerd-batch.ts";
import { call, EDGE, setUp } from "../../test/support/in-workerd-network.ts";
import type { Env } from "../env.ts";
import { beginVisit } from "./visit.ts";

beforeAll(async () => await setUp(1));

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const idOf = async (path: string, headers: Record<string, string> = {}, method = "GET") =>
  (await call(path, { as: "op", method, headers })).headers.get("X-Request-Id");

describe("the request's id", () => {
  test("is the client's own where that can be one, else a new one", async () => {
    expect(await idOf("/healthz", { "X-Request-Id": "trial-17" })).toBe("trial-17");
    expect(await idOf("/healthz", { "X-Request-Id": "a b" })).toMatch(UUID);
    expect(await idOf("/healthz")).toMatch(UUID);
    expect(await idOf("/healthz")).not.toBe(await idOf("/healthz"));
  });

  test.each([
    ["/api/v1/network", "GET"],
    ["/api/v1/keys/sae-b/status", "GET"],
    ["/api/v1/links/none", "GET"],
    ["/no/such/path", "GET"],
    ["/healthz", "POST"],
    ["/healthz", "HEAD"],
    ["/messenger", "GET"],
    [`/${"x".repeat(9000)}`, "GET"],
  ])("is in every answer: %s %s", async (path, method) => {
    const response = await SELF.fetch(EDGE + path, {
      method,
      headers: { "X-Request-Id": "asked" },
      redirect: "manual",
    });
    expect(response.headers.get("X-Request-Id")).toBe("asked");
    await response.body?.cancel();
  });

  test("is in the answer that opens a WebSocket", async () => {
    const headers = { Upgrade: "websocket", "X-Request-Id": "opened" };
    const response = await call("/api/v1/rooms/sae-b", { as: "sae-a", headers });
    expect([response.status, response.headers.get("X-Request-Id")]).toEqual([101, "opened"]);
    response.webSocket?.accept();
    response.webSocket?.close();
  });
});

const COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.test" };
const SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
test.each<[string, Record<string, string>, object, readonly [] | null]>([
  ["a collector, and recorded by its sender", { traceparent: `${SENT}-01` }, COLLECTOR, []],
  ["a collector, and of the share", {}, { ...COLLECTOR, OTEL_TRACES_SAMPLER_ARG: "1" }, []],
  ["not recorded by its sender", { traceparent: `${SENT}-00` }, COLLECTOR, null],
  ["not of the share", {}, { ...COLLECTOR, OTEL_TRACES_SAMPLER_ARG: "0" }, null],
  ["no collector", { traceparent: `${SENT}-01` }, {}, null],
])("spans of calls, or none: %s", (_, headers, env, calls) => {
  expect(beginVisit({ method: "GET", headers: new Headers(headers) }, env as Env).calls).toEqual(calls);
});

describe("the log", () => {
  let lines: Record<string, unknown>[];
  beforeEach(() => {
    lines = [];
    for (const level of ["warn", "error"] as const)
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(JSON.parse(line) as never));
  });
  afterEach(() => vi.restoreAllMocks());
  const lineOf = (id: string) => lines.find((line) => line["request_id"] === id);

  test("tells of a 401 why, by the id of the request and of its trace", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    // Other files may have filled this minute with such lines.
    const nowMs = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(nowMs + 60_000);
    await call("/api/v1/network", { headers: { "X-Request-Id": "nobody", traceparent } });
    expect(lineOf("nobody")).toMatchObject({
      level: "warn",
      event: "unauthorised",
      reason: "no credentials",
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    });
  });

  test("tells of who may not, and of what the service could not do, by operation and code", async () => {
    await call("/api/v1/network", { as: "sae-a", headers: { "X-Request-Id": "may-not" } });
    expect(lineOf("may-not")).toMatchObject({ event: "refused", reason: "getNetwork: forbidden", status: 403 });
    await call("/api/v1/keys/sae-b/enc_keys?number=4096&size=32768", {
      as: "sae-a",
      headers: { "X-Request-Id": "big" },
    });
    await call("/api/v1/keys/sae-d/enc_keys", { as: "sae-a", headers: { "X-Request-Id": "dry" } });
    expect(lineOf("big")).toBeUndefined();
    expect(lineOf("dry")).toMatchObject({ level: "warn", event: "refused", status: 503, method: "GET" });
    expect(lineOf("dry")?.["reason"]).toMatch(/^getEncKeys: [a-z-]+$/);
  });

  test("tells of requests in a batch by their own ids", async () => {
    const target = "/api/v1/keys/sae-b/enc_keys";
    const answers = await together([
      item("nobody-here", "n1", target, { requestId: "batched-1" }),
      item("sae-a", "n1", target, { requestId: "batched-2" }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 200]);
    expect(lineOf("batched-1")).toMatchObject({ event: "unauthorised", reason: "certificate of nobody known" });
    expect(lineOf("batched-2")).toBeUndefined();
  });

  test("has no more than its requests' own words: no token, no path, no body", async () => {
    await call("/api/v1/keys/secret-name/enc_keys?x=secret-query", {
      headers: { Authorization: "Bearer secret-token", "X-Request-Id": "plain" },
    });
    expect(lineOf("plain")).toBeDefined();
    expect(JSON.stringify(lines)).not.toContain("secret");
  });
});
