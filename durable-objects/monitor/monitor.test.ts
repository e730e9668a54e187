import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { MonitorHistorySchema, type MonitorView, MonitorViewSchema } from "../../shared/api/monitor-schemas.ts";
import { call, container, errorOf, NETWORK, post, setUp } from "../../test/support/in-workerd-network.ts";
import { MONITOR_NAME, type ObjectsEnv } from "../env.ts";
import type { Monitor } from "./monitor.ts";

const objects = env as unknown as ObjectsEnv;

const BLOCK_BYTES = 65_536;

async function push(block: number): Promise<void> {
  const body = crypto.getRandomValues(new Uint8Array(BLOCK_BYTES));
  const path = `/api/v1/links/n2-n3/blocks/far.bin:${block * BLOCK_BYTES}?node=n2`;
  const pushed = await call(path, { as: "op", method: "PUT", body });
  expect(pushed.status).toBe(201);
}

beforeAll(async () => {
  await setUp();
  for (const block of [0, 1, 2]) await push(block);
});

async function seen(): Promise<MonitorView> {
  const answer = await call("/api/v1/monitor", { as: "op" });
  expect(answer.status).toBe(200);
  return v.parse(v.strictObject(MonitorViewSchema.entries), await answer.json());
}
const monitor = () => objects.MONITOR.getByName(MONITOR_NAME);
const link = async (id: string) => (await seen()).links.find((each) => each.id === id);

describe("the deployment at one glance", () => {
  test("has all its parts, in health", async () => {
    // On a busy machine an object may not answer in time; then it is asked again.
    const health = async () => {
      const { nodes, links, sites } = await seen();
      return [...nodes, ...links, ...sites].map((each) => each.health);
    };
    await expect.poll(health).toEqual(Array.from({ length: 8 }, () => "ok"));
    const view = await seen();
    expect(view).toMatchObject({ name: "qkd network", document_version: 1, period_ms: 1000 });
    expect(view.nodes.map(({ id, saes }) => [id, saes])).toEqual([
      ["n1", 2],
      ["n2", 3],
      ["n3", 1],
    ]);
    expect(view.sites.map(({ id, nodes }) => [id, nodes])).toEqual([
      ["n1", ["n1"]],
      ["n2", ["n2"]],
      ["n3", ["n3"]],
    ]);
  });

  test.each([
    ["sae-a", 403],
    ["agent-1", 403],
    [null, 401],
  ])("is not for %s", async (as, status) => {
    for (const path of ["", "/live", "/history?of=deployment&figure=p99_ms"])
      expect((await call(`/api/v1/monitor${path}`, { as })).status).toBe(status);
  });

  test("shows keys leaving, at the rate at which they do", async () => {
    await expect.poll(async () => (await link("n1-n2"))?.available_bits).toBe(4 * BLOCK_BYTES * 8);
    await expect.poll(async () => (await link("n2-n3"))?.available_bits).toBe(3 * BLOCK_BYTES * 8);
    await container(await post("/api/v1/keys/sae-b/enc_keys", "sae-a", { number: 100, size: 256 }));
    await expect
      .poll(async () => await link("n1-n2"))
      .toMatchObject({
        available_bits: 4 * BLOCK_BYTES * 8 - 25_600,
        conserved: true,
        ledger_bits: { pending: 25_600 },
      });
    await expect.poll(async () => (await link("n1-n2"))?.use_rate_bps ?? 0).toBeGreaterThan(0);
  });

  test("shows relays with their paths, and the relayed key of the pair", async () => {
    await container(await post("/api/v1/keys/sae-d/enc_keys", "sae-a", { number: 1, size: 256 }));
    await expect
      .poll(async () => (await seen()).relays[0])
      .toMatchObject({ path: ["n1", "n2", "n3"], links: ["n1-n2", "n2-n3"], state: "done", reason: null });
    // Which pools there are is looked for every ten seconds, and after a nudge.
    await monitor().refresh();
    await expect
      .poll(async () => (await seen()).pairs)
      .toMatchObject([{ id: "n1|n3#60", nodes: ["n1", "n3"], disjoint_paths: 1 }]);
    await expect.poll(async () => (await seen()).nodes[0]?.relays?.done ?? 0).toBeGreaterThan(0);
  });

  test("shows key streams that are open", async () => {
    const body = { source: "client://localhost", destination: "server://localhost", qos: { key_chunk_size: 32 } };
    const opened = await post("/api/v1/streams", "sae-a", body);
    expect(opened.status).toBeLessThan(300);
    await expect
      .poll(async () => (await seen()).streams)
      .toMatchObject([{ nodes: ["n1", "n2"], saes: ["sae-a", "sae-b"], chunk_bytes: 32, delivered_chunks: 0 }]);
  });

  test("shows the newest audit records, of all logs", async () => {
    await expect
      .poll(async () => (await seen()).audit.map(({ node, act }) => `${node} ${act}`))
      .toEqual(expect.arrayContaining(["deployment network.put", "n1 keys.enc"]));
    const { audit } = await seen();
    expect(new Set(audit.map(({ id }) => id)).size).toBe(audit.length);
  });

  test("counts requests by operation", async () => {
    await expect
      .poll(async () => (await seen()).operations.find(({ id }) => id === "getMonitor")?.requests_per_s ?? 0)
      .toBeGreaterThan(0);
  });

  test("goes on without an object that fails: that one alone is unknown", async () => {
    const hub = objects.TUNNEL_HUB.getByName("n3") as never;
    await runInDurableObject(hub, (_: unknown, { storage }: DurableObjectState) => {
      storage.sql.exec("DROP TABLE instance");
    });
    await expect
      .poll(async () => (await seen()).sites)
      .toMatchObject([
        { id: "n1", health: "ok" },
        { id: "n2", health: "ok" },
        { id: "n3", health: "unknown", reasons: ["no answer from its hub"], agents: null },
      ]);
  });
});

const historyOf = async (query: string) => await call(`/api/v1/monitor/history?${query}`, { as: "op" });

/** Of the last hour, as they are now. */
async function valuesOf(query: string): Promise<readonly (number | null)[]> {
  await seen();
  const { points, step_s: stepS } = v.parse(MonitorHistorySchema, await (await historyOf(query)).json());
  expect(stepS).toBe(10);
  return points.map(([, value]) => value);
}

describe("figures of late", () => {
  test("are there for links, pairs and the deployment", async () => {
    for (const query of [
      "of=link:n1-n2&figure=available_bits",
      "of=pair:n1%7Cn3%2360&figure=available_bits",
      "of=deployment&figure=requests_per_s",
    ])
      await expect.poll(async () => await valuesOf(query)).toContainEqual(expect.any(Number));
  });

  test("since long ago come in longer steps; of what is not there, or later than now, there are none", async () => {
    const since = new Date(Date.now() - 2 * 3_600_000).toISOString();
    const answer = await historyOf(`of=link:n1-n2&figure=available_bits&since=${since}`);
    const day = v.parse(MonitorHistorySchema, await answer.json());
    expect(day).toMatchObject({ of: "link:n1-n2", figure: "available_bits", step_s: 60 });
    expect(day.points.length).toBeGreaterThan(0);
    const later = new Date(Date.now() + 3_600_000).toISOString();
    for (const query of ["of=link:none&figure=qber", `of=deployment&figure=p99_ms&since=${later}`])
      expect(await (await historyOf(query)).json()).toMatchObject({ step_s: 10, points: [] });
  });

  test.each([
    ["of=n1-n2&figure=qber", "query of: shall be link:ID, pair:ID or deployment"],
    ["of=link:&figure=qber", "query of: shall be link:ID, pair:ID or deployment"],
    ["of=link&figure=qber", "query of: shall be link:ID, pair:ID or deployment"],
    ["figure=qber", "query of: shall be link:ID, pair:ID or deployment"],
    ["of=pair:a&figure=qber", "query figure: shall be one of available_bits, key_rate_bps, use_rate_bps"],
    ["of=deployment", "query figure: shall be one of requests_per_s, errors_per_s, p99_ms"],
    ["of=deployment&figure=p99_ms&since=x", "query since: shall be an instant like 2026-01-31T12:00:00Z"],
  ])("%s is refused", async (query, message) => {
    const refused = await historyOf(query);
    expect([refused.status, (await errorOf(refused)).message]).toEqual([400, message]);
  });
});

test("what it has seen outlives its sleep", async () => {
  await seen();
  await evictDurableObject(monitor() as never);
  const history = await monitor().history({ of: "link:n1-n2", figure: "available_bits", sinceMs: null });
  expect(history.points.length).toBeGreaterThan(0);
  // Rates go on from the stocks of the life before.
  await expect.poll(async () => (await link("n1-n2"))?.key_rate_bps).toEqual(expect.any(Number));
});

/** Where nobody watches, and it looks by itself never. */
async function quiet<T>(name: string, work: (monitor: Monitor, state: DurableObjectState) => Promise<T>): Promise<T> {
  expect((env as unknown as ObjectsEnv).QKD_MONITOR_S).toBe("0");
  const object = objects.MONITOR.getByName(name) as never;
  return await runInDurableObject(
    object,
    async (instance: Monitor, state: DurableObjectState) => await work(instance, state),
  );
}

test("a nudge leaves no timer where nothing is to be done", async () => {
  await quiet("nudged", async (instance, { storage }) => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    try {
      await instance.refresh();
      expect(timers.mock.calls.filter(([, ms = 0]) => !(ms > 0))).toEqual([]);
      expect(await storage.getAlarm()).toBeNull();
    } finally {
      timers.mockRestore();
    }
  });
});

test("what a sample leaves to be done is done, though it was for metrics only", async () => {
  const waiting = async () =>
    await quiet("metrics", async (_, { storage }) => storage.sql.exec("SELECT * FROM audit_outbox").toArray().length);
  await quiet("metrics", async (instance, { storage }) => {
    // Its cause is not there: the sample clears it, which is to be audited.
    storage.sql.exec(`INSERT INTO alarm (by, code, kind, of_id, subject, first_ms, last_ms, count, detail)
      VALUES ('seen', 'no-identity', 'deployment', 'deployment', 'deployment', 1, 1, 1, '')`);
    await instance.metrics();
    expect(storage.sql.exec("SELECT * FROM alarm WHERE cleared_ms IS NULL").toArray()).toEqual([]);
  });
  await expect.poll(waiting).toBe(0);
});

test("it knows the network as it is, as soon as it has changed", async () => {
  await seen();
  const document = { ...NETWORK, name: "renamed" };
  const put = await call("/api/v1/network", {
    as: "op",
    method: "PUT",
    headers: { "If-Match": '"1"' },
    body: JSON.stringify(document),
  });
  expect(put.status).toBe(200);
  await expect.poll(async () => (await seen()).name).toBe("renamed");
});
