import { beforeAll, describe, expect, test } from "vitest";
import openapi from "../shared/api/openapi.json" with { type: "json" };
import { OPERATION_IDS, OPERATIONS } from "../shared/api/contract.ts";
import { methodsOf, openapiPath, type Operation } from "../shared/api/operation.ts";
import { LIMITS } from "../shared/limits.ts";
import { call, container, errorOf, post, setUp } from "../test/support/in-workerd-network.ts";
import { createApp } from "./app.ts";
import { honoPath } from "./middleware/path.ts";

beforeAll(async () => await setUp());

const routes = (pathOf: (operation: Operation) => string) =>
  OPERATION_IDS.flatMap((id) =>
    methodsOf(OPERATIONS[id]).map((method) => `${method.toUpperCase()} ${pathOf(OPERATIONS[id])}`),
  ).sort();

describe("routes, contract and document are one", () => {
  test("the app registers exactly the contract's routes", () => {
    const registered = createApp().routes.filter(({ method }) => method !== "ALL");
    expect(registered.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
      routes(({ path }) => honoPath(path)),
    );
  });

  test("the served OpenAPI document lists exactly the contract's operations", async () => {
    const served = await (await call("/openapi.json")).json<typeof openapi>();
    const documented = Object.entries(served.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(routes(openapiPath));
    expect(served).toEqual(openapi);
  });
});

describe("what anybody may ask", () => {
  test("healthz", async () => {
    const response = await call("/healthz");
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
  });

  test("the page's style is the one its Content-Security-Policy allows", async () => {
    const response = await call("/docs/api");
    const style = /<style>(?<css>.*?)<\/style>/s.exec(await response.text())?.groups?.["css"] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    const hash = new Uint8Array(digest).toBase64();
    expect(response.headers.get("Content-Security-Policy")).toContain(`style-src 'sha256-${hash}'`);
  });

  test("the page names every operation, allows no script and fetches nothing", async () => {
    const response = await call("/docs/api");
    const page = await response.text();
    expect(response.headers.get("Content-Security-Policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
    for (const id of OPERATION_IDS) expect(page).toContain(`id="${id}"`);
    expect(page).not.toMatch(/<script|https?:\/\/|javascript:|\son\w+=|style="/);
    expect(page).toContain("size shall be a multiple of 8");
  });

  test("the network document's JSON Schema", async () => {
    const response = await call("/api/v1/network/schema");
    expect(response.headers.get("Content-Type")).toBe("application/schema+json");
    expect((await response.json<{ title: string }>()).title).toBe("qkd-edge network document");
  });
});

const stored = async () =>
  (await (await call("/api/v1/keys/sae-b/status", { as: "sae-a" })).json<{ stored_key_count: number }>())
    .stored_key_count;

describe("methods and paths", () => {
  test.each([
    "/nope",
    "/api/v1/keys/sae-b/status/",
    "/api/v1/keys//status",
    "/api/v1/keys/sae-b",
    "/api/v2/keys/sae-b/status",
    "/healthz/",
  ])("unknown path %s: 404 with an Error object", async (path) => {
    const response = await call(path, { as: "sae-a" });
    expect(response.status).toBe(404);
    expect((await errorOf(response)).message).toBe("no such path");
  });

  test.each([
    ["POST", "/api/v1/keys/sae-b/status", "GET"],
    ["PUT", "/api/v1/keys/sae-b/enc_keys", "GET, POST"],
    ["DELETE", "/api/v1/keys/sae-b/dec_keys", "GET, POST"],
    ["OPTIONS", "/api/v1/keys/sae-b/enc_keys", "GET, POST"],
    ["PATCH", "/api/v1/network", "GET, PUT"],
    ["POST", "/healthz", "GET"],
  ])("%s %s: 405 with Allow: %s", async (method, path, allow) => {
    const response = await call(path, { as: "sae-a", method });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, allow]);
    expect((await errorOf(response)).message).toContain(allow);
  });

  test("HEAD takes no key", async () => {
    const before = await stored();
    const response = await call("/api/v1/keys/sae-b/enc_keys", { as: "sae-a", method: "HEAD" });
    expect([response.status, response.headers.get("Allow"), await response.text()]).toEqual([405, "GET, POST", ""]);
    expect(await stored()).toBe(before);
    expect((await call("/nope", { method: "HEAD" })).status).toBe(404);
  });

  test("nothing may be stored or sniffed, whatever the answer", async () => {
    const responses = await Promise.all([
      call("/healthz"),
      call("/nope"),
      call("/docs/api"),
      call("/api/v1/keys/sae-b/status"),
      call("/api/v1/keys/sae-b/status", { as: "sae-a" }),
      call("/api/v1/keys/sae-b/enc_keys", { as: "sae-a", method: "PUT" }),
    ]);
    for (const response of responses) {
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
      await response.arrayBuffer();
    }
  });
});

describe("who may", () => {
  test("nobody, and somebody unknown: 401 without a body, with a challenge", async () => {
    for (const as of [null, "stranger"]) {
      const response = await call("/api/v1/keys/sae-b/status", { as });
      expect([response.status, await response.text()]).toEqual([401, ""]);
      expect(response.headers.get("WWW-Authenticate")).toContain("Bearer");
    }
  });

  test("an operator at a key route: 401; an SAE at an operator's route: 403", async () => {
    expect((await call("/api/v1/keys/sae-b/status", { as: "op" })).status).toBe(401);
    const refused = await call("/api/v1/network", { as: "sae-a" });
    expect([refused.status, (await errorOf(refused)).message]).toEqual([403, "you may not do this (network.read)"]);
  });

  test("the body of somebody unknown is not even read", async () => {
    const response = await call("/api/v1/keys/sae-b/enc_keys", {
      method: "POST",
      body: "x".repeat(LIMITS.jsonBodyBytes + 1),
    });
    expect(response.status).toBe(401);
  });
});

describe("bad input", () => {
  const enc = "/api/v1/keys/sae-b/enc_keys";
  const send = async (body: BodyInit, headers: Record<string, string> = {}) =>
    await call(enc, { as: "sae-a", method: "POST", body, headers });

  test("a body over the bound: 413, declared or streamed", async () => {
    const large = new Uint8Array(LIMITS.jsonBodyBytes + 1).fill(0x20);
    expect((await send(large)).status).toBe(413);
    const chunks = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
    });
    expect((await send(chunks)).status).toBe(413);
    expect((await send(new Uint8Array(10 * 1024 * 1024))).status).toBe(413);
  });

  test.each<[string, BodyInit, string]>([
    ["deep JSON", "[".repeat(10_000), "nested 10000 levels"],
    ["invalid UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), "not valid UTF-8"],
    ["not JSON", "number=1", "not JSON"],
    ["an array", "[]", "shall be a JSON object"],
    ["a wrong type", '{"number":"2"}', "number: shall be an integer"],
  ])("%s: 400 that says so", async (_name, body, message) => {
    const response = await send(body);
    expect(response.status).toBe(400);
    expect((await errorOf(response)).message).toContain(message);
  });

  test("any Content-Type is read as JSON", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"]) {
      expect((await container(await send('{"size":64}', { "Content-Type": type }))).keys).toHaveLength(1);
    }
    expect((await container(await call(enc, { as: "sae-a", method: "POST" }))).keys).toHaveLength(1);
  });

  test("a URI or headers over the bound: 414, 431", async () => {
    expect((await call(`${enc}?x=${"y".repeat(LIMITS.uriBytes)}`, { as: "sae-a" })).status).toBe(414);
    const flood = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`X-Flood-${i}`, "y".repeat(100)]));
    expect((await call(enc, { as: "sae-a", headers: flood })).status).toBe(431);
  });

  test.each(["%", "%zz", "%ff", "%c3%28", "%E0%80%AF"])("malformed percent-encoding %s: 400", async (segment) => {
    const response = await call(`/api/v1/keys/${segment}/status`, { as: "sae-a" });
    expect([response.status, (await errorOf(response)).message]).toEqual([
      400,
      "path slave_SAE_ID: malformed percent-encoding",
    ]);
  });

  test("10,000 key IDs: refused, nothing consumed", async () => {
    const ids = Array.from({ length: 10_000 }, () => ({ key_ID: crypto.randomUUID() }));
    expect((await post("/api/v1/keys/sae-a/dec_keys", "sae-b", { key_IDs: ids })).status).toBe(413);
    const fewer = await post("/api/v1/keys/sae-a/dec_keys", "sae-b", { key_IDs: ids.slice(0, 200) });
    expect([fewer.status, (await errorOf(fewer)).message]).toEqual([
      400,
      "key_IDs: 200 ids, more than max_key_per_request (128)",
    ]);
  });
});
