/** Relayed key kept at hand for a pair that is used: how much, how failures go, and what outlives a restart. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok } from "../../shared/result.ts";
import { auditOf, makePool, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { FakeNode, makeRelayed, RELAY_SHARD, relayInto } from "../../test/support/in-workerd-relayed.ts";

const { unitBytes } = LIMITS;
const NO_PATH = fault("no-path", "no path: m-0 is out of reach");

/** The object's clock, as far ahead as a test says; the real one goes on. */
function laterBy(ms: number): void {
  const real = vi.isMockFunction(Date.now) ? realNow : Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => real() + ms);
}
const realNow = Date.now.bind(Date);
afterEach(() => void vi.restoreAllMocks());

const used = async (changes: Parameters<typeof makeRelayed>[0] = {}) => {
  const pool = await makeRelayed(changes);
  return { pool, node: await FakeNode.of(pool) };
};
const available = async (pool: TestPool): Promise<number> => (await pool.status()).ledgerBits.available / 8;
const target = async (pool: TestPool): Promise<number> => (await pool.status()).relay?.targetBytes ?? -1;
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const ring = async (pool: TestPool): Promise<boolean> => await runDurableObjectAlarm(pool.stub as any);

describe("a pool in use", () => {
  test("keeps nothing before it is, then a unit from its first key on", async () => {
    const { pool, node } = await used();
    await value(pool.stub.refresh(0));
    expect(await target(pool)).toBe(0);
    expect(node.calls).toEqual([]);
    await value(pool.enc());
    await expect.poll(async () => await available(pool)).toBe(unitBytes);
    expect(node.calls.map(({ bytes, isUrgent }) => [bytes, isUrgent])).toEqual([
      [32, true],
      [unitBytes, false],
    ]);
    expect(await target(pool)).toBe(unitBytes);
    // The next ones find it there.
    await value(pool.enc());
    expect(node.urgent).toHaveLength(1);
  });

  test("begins to bring in what is for later once the answers of the commit are sent", async () => {
    const { pool, node } = await used();
    await relayInto(pool, { bytes: unitBytes });
    const order: string[] = [];
    node.bring = async (call) => {
      order.push("bring");
      return await node.relay(call);
    };
    await value(pool.enc({ count: 60, sizeBits: 512 }));
    order.push("answer");
    await expect.poll(async () => await available(pool)).toBeGreaterThanOrEqual(unitBytes);
    expect(order).toEqual(["answer", "bring"]);
  });

  test("is low below a quarter of what it keeps, whatever the marks of other pools are", async () => {
    const { pool, node } = await used();
    const level = async () => (await pool.status()).level;
    await relayInto(pool, { bytes: unitBytes });
    expect(await level()).toBe("normal");
    node.bring = async () => err(NO_PATH);
    while ((await available(pool)) > 0.25 * unitBytes) await value(pool.enc({ sizeBits: 512 }));
    expect([await target(pool), await level()]).toEqual([unitBytes, "normal"]);
    await value(pool.enc());
    expect(await level()).toBe("low");
    while ((await available(pool)) > 0) await value(pool.enc());
    expect(await level()).toBe("empty");
  });

  test("keeps as much as is taken of late, and brings in more as soon as a quarter of it is gone", async () => {
    const { pool, node } = await used();
    const take = async () => await value(pool.enc({ count: 128, sizeBits: 4096 }));
    await take();
    await expect.poll(async () => await available(pool)).toBeGreaterThanOrEqual(16 * unitBytes);
    for (let i = 0; i < 3; i++) await take();
    const wanted = await target(pool);
    expect(wanted).toBeGreaterThan(2 * 65_536);
    expect(wanted).toBeLessThanOrEqual(4 * 65_536);
    await expect.poll(async () => await available(pool)).toBeGreaterThan(0.75 * wanted);
    expect(node.background.every(({ bytes }) => bytes <= LIMITS.relayAheadBytes && bytes % unitBytes === 0)).toBe(true);
  });

  test("keeps no more than the policy's high watermark", async () => {
    const { pool, node } = await used({
      policy: { pool: { capacity_bytes: 1024 * 1024, high_bytes: 2 * unitBytes, low_bytes: 0 } },
    });
    await value(pool.enc({ count: 128, sizeBits: 4096 }));
    await expect.poll(async () => await available(pool)).toBe(2 * unitBytes);
    expect(node.background).toMatchObject([{ bytes: 2 * unitBytes }]);
  });

  test("keeps less and less while nobody uses it, and after minutes nothing", async () => {
    const { pool, node } = await used();
    await value(pool.enc({ count: 128, sizeBits: 4096 }));
    await expect.poll(async () => await available(pool)).toBe(65_536);
    laterBy(120_000);
    expect(await target(pool)).toBeLessThanOrEqual(65_536 / 4);
    laterBy(300_000);
    expect(await target(pool)).toBe(0);
    const calls = node.calls.length;
    await ring(pool);
    expect(node.calls).toHaveLength(calls);
  });

  test("makes one call at a time", async () => {
    const { pool, node } = await used();
    const gate = Promise.withResolvers<void>();
    node.bring = async (call) => {
      if (!call.isUrgent) await gate.promise;
      return await node.relay(call);
    };
    for (let i = 0; i < 5; i++) await value(pool.enc({ count: 16, sizeBits: 4096 }));
    expect(node.background).toHaveLength(1);
    gate.resolve();
    await expect.poll(async () => await available(pool)).toBeGreaterThanOrEqual(0.75 * (await target(pool)));
  });

  test("knows after a restart that it is used, and has its alarm bring in what is missing", async () => {
    const { pool, node } = await used();
    node.bring = async (call) => (call.isUrgent ? await node.relay(call) : err(NO_PATH));
    await value(pool.enc({ count: 128, sizeBits: 4096 }));
    await expect.poll(() => node.background.length).toBeGreaterThan(0);
    await pool.evict();
    await node.install();
    node.bring = async (call) => await node.relay(call);
    expect(await target(pool)).toBeGreaterThan(32_768);
    await ring(pool);
    await expect.poll(async () => await available(pool)).toBeGreaterThan(32_768);
  });

  test("that does not hold relayed key asks nobody for any", async () => {
    const pool = await makePool();
    const node = await FakeNode.of(pool);
    await node.install(0);
    await value(pool.push("f:0", crypto.getRandomValues(new Uint8Array(65_536))));
    await value(pool.enc({ count: 128, sizeBits: 4000 }));
    expect((await pool.status()).relay).toBeUndefined();
    expect(node.calls).toEqual([]);
  });
});

describe("a pool that none can be brought to", () => {
  test("waits before it tries again, longer each time, and goes on at once after a success", async () => {
    const { pool, node } = await used();
    await relayInto(pool, { bytes: 65_536 });
    node.bring = async () => err(NO_PATH);
    const take = async () => await value(pool.enc({ count: 8, sizeBits: 4096 }));
    // Time does not pass within the pool, however often it is used.
    const atMs = realNow();
    const standing = vi.spyOn(Date, "now").mockImplementation(() => atMs);
    for (let i = 0; i < 14; i++) await take();
    await expect.poll(async () => (await pool.status()).relay?.lastFault?.code).toBe("no-path");
    await take();
    expect(node.background).toHaveLength(1);
    standing.mockImplementation(() => atMs + 31_000);
    node.bring = async (call) => await node.relay(call);
    await ring(pool);
    await expect.poll(async () => await available(pool)).toBeGreaterThan(8192);
    expect((await pool.status()).relay?.lastFault).toBeNull();
  });

  test("raises an alarm after a minute of that while it is used; it ends with the first success", async () => {
    const { pool, node } = await used();
    node.bring = async () => err(NO_PATH);
    const codes = async () => (await pool.status()).alarms?.map(({ code }) => code);
    expect((await pool.enc()).ok).toBe(false);
    laterBy(30_000);
    expect((await pool.enc()).ok).toBe(false);
    expect(await codes()).toEqual([]);
    laterBy(61_000);
    expect((await pool.enc()).ok).toBe(false);
    await expect.poll(codes).toEqual(["relay-short"]);
    expect((await pool.status()).alarms).toMatchObject([{ subject: pool.pair, detail: NO_PATH.message }]);
    // It stands over a restart.
    await pool.evict();
    await node.install();
    node.bring = async (call) => await node.relay(call);
    await value(pool.enc());
    await expect.poll(codes).toEqual([]);
    // Its alarm stands at a time that is not to come.
    vi.restoreAllMocks();
    await pool.evict();
    await pool.status();
    await expect
      .poll(async () => (await auditOf(pool)).map(({ act }) => act).filter((act) => act.startsWith("alarm")), {
        timeout: 10_000,
      })
      .toEqual(["alarm.raised", "alarm.cleared"]);
  });

  test("is not fooled by a node that says it has brought some", async () => {
    const { pool, node } = await used();
    await relayInto(pool, { bytes: unitBytes });
    node.bring = async ({ bytes }) => ok({ bytes });
    await value(pool.enc({ count: 60, sizeBits: 512 }));
    await expect.poll(async () => (await pool.status()).relay?.lastFault?.code).toBe("unavailable");
    expect(node.background.length).toBeLessThan(4);
    expect(node.asked.every((name) => name === pool.low)).toBe(true);
    expect((await pool.status(RELAY_SHARD)).conserved).toBe(true);
  });
});
