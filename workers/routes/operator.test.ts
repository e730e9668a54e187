import { beforeAll, describe, expect, test } from "vitest";
import { call, container, errorOf, NETWORK, post, setUp } from "../../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp(1));

const put = async (document: unknown, headers: Record<string, string>) =>
  await call("/api/v1/network", { as: "op", method: "PUT", body: JSON.stringify(document), headers });

describe("the network document over HTTP", () => {
  test("read, replace, compare, restore; versions as ETags", async () => {
    const read = await call("/api/v1/network", { as: "op" });
    expect([read.status, read.headers.get("ETag")]).toEqual([200, '"1"']);
    expect(await read.json()).toMatchObject({ saes: NETWORK.saes });

    const smaller = { ...NETWORK, saes: NETWORK.saes.filter(({ id }) => id !== "sae-b2") };
    const diff = await post("/api/v1/network/diff", "op", smaller);
    expect(await diff.json()).toMatchObject({ changes: [{ kind: "removed", id: "sae-b2" }], drain_s: 60 });
    expect((await call("/api/v1/network", { as: "op" })).headers.get("ETag")).toBe('"1"');

    const replaced = await put(smaller, { "If-Match": '"1"' });
    expect([replaced.status, replaced.headers.get("ETag"), await replaced.json()]).toEqual([
      200,
      '"2"',
      { version: 2 },
    ]);
    const old = await call("/api/v1/network?version=1", { as: "op" });
    expect([old.headers.get("ETag"), await old.json()]).toEqual([
      '"1"',
      expect.objectContaining({ name: "qkd network" }),
    ]);
    expect((await call("/api/v1/network?version=99", { as: "op" })).status).toBe(404);
    expect((await call("/api/v1/network?version=x", { as: "op" })).status).toBe(400);

    const restored = await post("/api/v1/network/restore", "op", { version: 1 }, { "If-Match": '"2"' });
    expect([restored.status, restored.headers.get("ETag")]).toEqual([200, '"3"']);
    const versions = await (
      await call("/api/v1/network/versions", { as: "op" })
    ).json<{ versions: { version: number; by: string }[] }>();
    expect(versions.versions.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(versions.versions.some(({ by }) => by === "operator:op")).toBe(true);
  });

  test("preconditions: 428 without, 412 stale, 400 malformed", async () => {
    expect((await put(NETWORK, {})).status).toBe(428);
    expect((await put(NETWORK, { "If-Match": '"1"' })).status).toBe(412);
    expect((await put(NETWORK, { "If-Match": "*" })).status).toBe(400);
    expect((await post("/api/v1/network/restore", "op", { version: 1 })).status).toBe(428);
  });

  test("8 MB of wrong entries are one fault, soon", async () => {
    const flood = `{"nodes":[${"0,".repeat(4_000_000)}0],"links":[],"saes":[],"operators":[]}`;
    for (const [path, method] of [
      ["/api/v1/network", "PUT"],
      ["/api/v1/network/diff", "POST"],
    ] as const) {
      const current = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
      const response = await call(path, { as: "op", method, headers: { "If-Match": current }, body: flood });
      expect(response.status).toBe(400);
      const { details } = await errorOf(response);
      expect(details).toEqual([{ pointer: "/nodes", message: "shall have at most 1000 entries" }]);
    }
  });

  test("a bad document changes nothing and gets every fault with its pointer", async () => {
    const bad = { ...NETWORK, nodes: [{ id: "n1" }, { id: "n1" }, { id: "|" }] };
    const current = (await call("/api/v1/network", { as: "op" })).headers.get("ETag") ?? "";
    const response = await put(bad, { "If-Match": current });
    expect(response.status).toBe(400);
    const { details } = await errorOf(response);
    expect(details?.length).toBeGreaterThan(0);
    for (const detail of details ?? [])
      expect(detail).toMatchObject({ pointer: expect.any(String), message: expect.any(String) });
    expect((await call("/api/v1/network", { as: "op" })).headers.get("ETag")).toBe(current);
  });
});

const block = async (id: string, bytes: Uint8Array | string, as = "op", link = "n1-n2", node = "n1") =>
  await call(`/api/v1/links/${link}/blocks/${encodeURIComponent(id)}?node=${node}`, {
    as,
    method: "PUT",
    body: bytes,
  });

const links = async (as: string) =>
  (await (await call("/api/v1/links", { as })).json<{ links: { link: string }[] }>()).links.map(({ link }) => link);

describe("links", () => {
  test("are listed to those they concern", async () => {
    expect(await links("op")).toEqual(["n1-n2", "n2-n3"]);
    expect(await links("agent-1")).toEqual(["n1-n2"]);
    expect((await call("/api/v1/links/n2-n3", { as: "agent-1" })).status).toBe(404);
    const one = await (await call("/api/v1/links/n1-n2", { as: "agent-1" })).json();
    expect(one).toMatchObject({
      link: "n1-n2",
      health_policy: "accept",
      shards: 2,
      pool: { conserved: true, source: "push" },
    });
  });

  test("a block: taken in, known, conflicting", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(4096));
    const first = await block("a/b.cor:0", bytes);
    expect([first.status, await first.json()]).toMatchObject([
      201,
      { outcome: "ingested", bits: 32_768, health: { passed: true } },
    ]);
    const again = await block("a/b.cor:0", bytes);
    expect([again.status, await again.json()]).toMatchObject([200, { outcome: "already-ingested" }]);
    const other = await block("a/b.cor:0", crypto.getRandomValues(new Uint8Array(4096)));
    expect(other.status).toBe(409);
  });

  test("a block that fails its health tests: 202, quarantined, with the figures", async () => {
    const biased = crypto.getRandomValues(new Uint8Array(65_536)).map((byte, at) => byte & (at * 151 + 17));
    const response = await block("biased:0", biased, "op", "n2-n3", "n2");
    const body = await response.json<{
      outcome: string;
      reason: string;
      health: { failures: { test: string; value: number; bound: number }[] };
    }>();
    expect([response.status, body.outcome, body.reason]).toEqual([202, "quarantined", "health"]);
    expect(body.health.failures[0]).toMatchObject({
      test: expect.any(String),
      value: expect.any(Number),
      bound: expect.any(Number),
    });
  });

  test.each<[number, () => Promise<Response>]>([
    [413, async () => await block("large:0", new Uint8Array(1024 * 1024 + 1))],
    [400, async () => await block("empty:0", "")],
    [400, async () => await block("x:0", "abc", "op", "n1-n2", "n3")],
    [400, async () => await call("/api/v1/links/n1-n2/blocks/x", { as: "op", method: "PUT", body: "abc" })],
    [400, async () => await block("a\nb", "abc")],
    [403, async () => await block("x:0", "abc", "agent-1", "n1-n2", "n2")],
    [404, async () => await block("x:0", "abc", "op", "nowhere")],
    [403, async () => await block("x:0", "abc", "sae-a")],
  ])("refused with %i", async (status, send) => expect((await send()).status).toBe(status));

  test("prefill, in the demo: simulated material at once, marked so", async () => {
    const response = await post("/api/v1/links/n2-n3/prefill", "op", { bytes: 65_536 });
    expect([response.status, await response.json()]).toMatchObject([200, { available_bits: expect.any(Number) }]);
    const link = await (await call("/api/v1/links/n2-n3", { as: "op" })).json();
    expect(link).toMatchObject({ pool: { simulated: true, conserved: true } });
    expect((await post("/api/v1/links/n2-n3/prefill", "op", { bytes: 0 })).status).toBe(400);
    await container(await post("/api/v1/keys/sae-d/enc_keys", "sae-b", {}));
  });
});

const page = async (query: string) =>
  await (
    await call(`/api/v1/audit${query}`, { as: "op" })
  ).json<{ records: { act: string; index: number }[]; next: number | null }>();

describe("revocations and audit", () => {
  test("a revoked principal is out within a second; the list keeps it", async () => {
    const response = await post("/api/v1/revocations", "op", {
      kind: "principal",
      value: "sae:sae-a2",
      reason: "test",
    });
    expect([response.status, await response.json()]).toMatchObject([
      201,
      { kind: "principal", value: "sae:sae-a2", by: "operator:op" },
    ]);
    await expect
      .poll(async () => (await call("/api/v1/keys/sae-b/status", { as: "sae-a2" })).status, {
        timeout: 2000,
        interval: 100,
      })
      .toBe(401);
    const list = await (await call("/api/v1/revocations", { as: "op" })).json();
    expect(list).toMatchObject({ revocations: [{ value: "sae:sae-a2", reason: "test" }] });
    expect((await post("/api/v1/revocations", "op", { kind: "spell", value: "x" })).status).toBe(400);
  });

  test("the log of the deployment and of a node can be read page by page", async () => {
    await expect
      .poll(async () => (await page("")).records.map(({ act }) => act), { timeout: 5000 })
      .toContain("network.put");
    const first = await page("?limit=1");
    expect(first.records).toHaveLength(1);
    expect((await page(`?limit=1&after=${first.next}`)).records[0]?.index).not.toBe(first.records[0]?.index);
    expect((await call("/api/v1/audit?node=nowhere", { as: "op" })).status).toBe(404);
    expect((await call("/api/v1/audit?limit=100000", { as: "op" })).status).toBe(400);
    expect((await call("/api/v1/audit", { as: "sae-a" })).status).toBe(403);
  });
});
