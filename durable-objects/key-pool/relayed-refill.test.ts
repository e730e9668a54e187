/** Relayed key that requests wait for: asked for together, told why it does not come, and not held up by anything else. */
import { describe, expect, test, vi } from "vitest";
import { fault } from "../../shared/errors/errors.ts";
import type { LinkId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok } from "../../shared/result.ts";
import { A2, code, keysOf, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { FakeNode, makeRelayed, RELAY_SHARD, relayInto } from "../../test/support/in-workerd-relayed.ts";
import { stillOnItsWay } from "./bring-key.ts";

/** Nothing is kept at hand: all that comes is what requests wait for. */
const dry = async (changes: Parameters<typeof makeRelayed>[0] = {}): Promise<{ pool: TestPool; node: FakeNode }> => {
  const pool = await makeRelayed({
    ...changes,
    policy: { pool: { capacity_bytes: 4 * 1024 * 1024, high_bytes: 0, low_bytes: 0 }, ...changes.policy },
  });
  return { pool, node: await FakeNode.of(pool) };
};

const NO_KEY = fault("link-budget", "links have too little for relays");

const ask = async (pool: TestPool, call: Parameters<TestPool["enc"]>[0] = {}) => {
  const answer = await pool.enc(call);
  if (answer.ok) throw new Error("was not refused");
  return answer.error;
};

describe("a request that finds nothing", () => {
  test("has it relayed by the pair's lower node, just as much as it asks for", async () => {
    const { pool, node } = await dry();
    const grant = await value(pool.enc({ count: 3 }));
    expect(node.asked).toEqual([pool.low]);
    expect(node.calls).toEqual([
      { configVersion: expect.any(Number), pair: pool.pair, shard: RELAY_SHARD, bytes: 96, isUrgent: true },
    ]);
    expect(keysOf(await value(pool.dec(grant.keyIds)))).toEqual(keysOf(grant));
    expect((await pool.status()).ledgerBits).toMatchObject({ available: 0, delivered: 768 });
  });

  test("shares the call with all that find nothing with it", async () => {
    const { pool, node } = await dry();
    const grants = await Promise.all(Array.from({ length: 64 }, async () => await value(pool.enc())));
    expect(new Set(grants.flatMap(keysOf)).size).toBe(64);
    const bytes = node.calls.reduce((sum, call) => sum + call.bytes, 0);
    expect(bytes).toBe(64 * 32);
    expect(node.calls.length).toBeLessThan(8);
  });

  test("waits for the next call where one is under way, which takes all that came meanwhile, up to a bound", async () => {
    const { pool, node } = await dry();
    const gate = Promise.withResolvers<void>();
    node.bring = async (call) => {
      await gate.promise;
      return await node.relay(call);
    };
    const first = pool.enc();
    await expect.poll(() => node.calls.length).toBe(1);
    // 5 x 64 KiB: one more than a call may ask for.
    const later = Array.from({ length: 5 }, async () => await value(pool.enc({ count: 128, sizeBits: 4096 })));
    await value(pool.stub.status({ configVersion: 0, principal: "operator:x" }));
    expect(node.calls).toHaveLength(1);
    gate.resolve();
    await value(first);
    const grants = await Promise.all(later);
    expect(new Set(grants.flatMap(keysOf)).size).toBe(5 * 128);
    expect(node.calls.every(({ bytes }) => bytes <= LIMITS.relayUrgentBytes)).toBe(true);
    expect(node.calls.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(32 + 5 * 65_536);
  });

  test("is not kept waiting for others' fair share, which can be brought in too, unless nothing can", async () => {
    const { pool, node } = await dry({
      policy: { pool: { capacity_bytes: 1024 * 1024, high_bytes: 0, low_bytes: 65_536 } },
    });
    await relayInto(pool, { bytes: 16_384 });
    const ours = async (count: number) => await pool.enc({ count, sizeBits: 4096 });
    const theirs = async () => await value(pool.enc({ master: A2.sae, principal: "sae:sae-a2" }));
    await value(ours(24));
    await theirs();
    await value(ours(1));
    node.bring = async () => err(fault("no-path", "no path"));
    expect(await code(ours(128))).toBe("no-path");
    // From now on what each takes counts.
    await value(ours(6));
    await theirs();
    expect(await code(pool.enc())).toBe("not-enough-keys");
    await theirs();
  });

  test("has what the pool needs within a second relayed with it, where that is more: alone it costs twice its bits", async () => {
    const { pool, node } = await dry({
      policy: { pool: { capacity_bytes: 1024 * 1024, high_bytes: 65_536, low_bytes: 0 } },
    });
    // Links have nothing for later.
    node.bring = async (call) =>
      call.isUrgent ? await node.relay({ ...call, bytes: call.upToBytes ?? call.bytes }) : err(NO_KEY);
    await value(pool.enc({ count: 128, sizeBits: 4096 }));
    await value(pool.enc());
    const [first, second] = node.urgent;
    expect([first?.bytes, first?.upToBytes, second?.bytes]).toEqual([65_536, undefined, 32]);
    // A fifth of what was taken within five seconds.
    expect(second?.upToBytes).toBeGreaterThan(8192);
    expect(second?.upToBytes).toBeLessThanOrEqual(65_568 / 5);
    // The next ones need not wait for any.
    for (let i = 0; i < 8; i++) await value(pool.enc());
    expect(node.urgent).toHaveLength(2);
    // Whoever bounds the hops of his key asks for that alone.
    await value(pool.enc({ count: 128, sizeBits: 4096, maxHops: 1 }));
    expect(node.urgent.at(-1)).toMatchObject({ maxHops: 1 });
    expect(node.urgent.at(-1)?.upToBytes).toBeUndefined();
  });

  test("does not wait where it would not: it is told that key is on its way, and changes nothing", async () => {
    const { pool, node } = await dry();
    expect(await code(pool.enc({ waits: false }))).toBe("on-its-way");
    expect(node.calls).toEqual([]);
    await value(pool.enc({ waits: true }));
  });

  test("is not held up by what is being brought for later, nor by one that bounds its hops", async () => {
    const { pool, node } = await dry({
      policy: { pool: { capacity_bytes: 1024 * 1024, high_bytes: 65_536, low_bytes: 0 } },
    });
    const gate = Promise.withResolvers<void>();
    node.bring = async (call) => {
      if (!call.isUrgent || call.maxHops !== undefined) await gate.promise;
      return await node.relay(call);
    };
    await value(pool.enc());
    await expect.poll(() => node.background.length).toBe(1);
    const bounded = pool.enc({ maxHops: 1 });
    await expect.poll(() => node.urgent.length).toBe(2);
    await value(pool.enc());
    expect(node.urgent).toMatchObject([{ bytes: 32 }, { bytes: 32, maxHops: 1 }, { bytes: 32 }]);
    gate.resolve();
    await value(bounded);
  });
});

test("a request that little comes for waits no longer for all of it than others do for theirs", async () => {
  const { pool, node } = await dry();
  const real = Date.now.bind(Date);
  let laterMs = 0;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => real() + laterMs);
  node.bring = async (call) => {
    laterMs += LIMITS.relayWaitMs * 0.6;
    return await node.relay({ ...call, bytes: 32 });
  };
  const refused = await ask(pool, { count: 128 }).finally(() => clock.mockRestore());
  expect(refused).toEqual(stillOnItsWay().error);
  expect(node.urgent).toHaveLength(2);
});

describe("a request that no key can be relayed for", () => {
  test("tells why in the words of the node, and so do those that waited with it", async () => {
    const { pool, node } = await dry();
    node.bring = async () => err(fault("no-path", "no path from n-1 to n-2: link n-1-m-0 has no key"));
    const faults = await Promise.all(Array.from({ length: 8 }, async () => await ask(pool)));
    expect(node.calls.length).toBeLessThan(3);
    expect(new Set(faults.map(({ message }) => message))).toEqual(
      new Set(["no path from n-1 to n-2: link n-1-m-0 has no key"]),
    );
    expect(faults[0]).toMatchObject({ code: "no-path", retryAfterSeconds: 1 });
    expect((await pool.status()).relay?.lastFault).toMatchObject({
      code: "no-path",
      message: "no path from n-1 to n-2: link n-1-m-0 has no key",
    });
  });

  test("is told when to come again, and is served once there is a path: the fault is forgotten", async () => {
    const { pool, node } = await dry();
    node.bring = async () => err({ ...fault("link-budget", "relays may take no more of m-0"), retryAfterSeconds: 7 });
    expect(await ask(pool)).toMatchObject({ code: "link-budget", retryAfterSeconds: 7 });
    node.bring = async (call) => await node.relay(call);
    await expect.poll(async () => (await pool.enc()).ok).toBe(true);
    expect((await pool.status()).relay?.lastFault).toBeNull();
  });

  test.each([
    ["does not answer", async () => await Promise.reject(new Error("gone"))],
    ["says that it has, and nothing came", async () => ok({ bytes: 32 })],
  ])("is told to try again where the node %s", async (_, bring) => {
    const { pool, node } = await dry();
    node.bring = bring;
    expect(await ask(pool)).toMatchObject({ code: "unavailable", retryAfterSeconds: 1 });
    expect(node.calls).toHaveLength(1);
  });

  test("of a bound on hops: that is told to nobody else", async () => {
    const { pool, node } = await dry();
    node.bring = async (call) =>
      call.maxHops === undefined ? await node.relay(call) : err(fault("no-path", "no path of 1 hop"));
    expect(await ask(pool, { maxHops: 1 })).toMatchObject({ code: "no-path", message: "no path of 1 hop" });
    await value(pool.enc());
    expect((await pool.status()).relay?.lastFault).toBeNull();
  });

  test("where the pair is served no more, asks nobody", async () => {
    for (const state of ["gone", "draining"] as const) {
      const { pool, node } = await dry({ state });
      expect(await code(pool.enc())).toBe("no-route");
      const lent = await value(pool.stub.lendUnits({ transfer: crypto.randomUUID(), units: 1, brings: true }));
      expect(lent).toEqual([]);
      expect(node.calls).toEqual([]);
    }
  });
});

describe("pad for a key of several recipients", () => {
  const LINK = { source: "push", link: "link" as LinkId, feed: "one-ended" } as const;

  /** A pair with a link of two shards, and a shard of relayed key beside them. */
  async function adjacent(linkBytes: number) {
    const { pool, node } = await dry({ linkShards: 2 });
    await pool.configure({ ...LINK, shards: 2 }, [0, 1]);
    if (linkBytes > 0) {
      const call = { configVersion: 0, principal: "agent:x", block: "f:0" as never, node: pool.low };
      await value(pool.shard(0).ingest({ ...call, bytes: randomBytes(linkBytes) }));
    }
    return { pool, node };
  }

  test("comes from the pair's link before it is relayed", async () => {
    const { pool, node } = await adjacent(65_536);
    await value(pool.stub.canImport({ configVersion: 0, bytes: 64 }));
    await value(pool.importKeys());
    expect(node.calls).toEqual([]);
    const { ledgerBits, transferredBits } = await pool.status();
    expect(ledgerBits).toMatchObject({ pad: 512, available: 4 * 32_768 - 512 });
    expect(transferredBits).toBe(4 * 32_768);
    expect((await pool.status(0)).transferredBits).toBe(-4 * 32_768);
    expect((await pool.status()).simulated).toBe(false);
    // What is left of the loan came over one link.
    expect(keysOf(await value(pool.enc({ maxHops: 1 })))).toHaveLength(1);
  });

  test("of a link that makes its key is told to be simulated where it went", async () => {
    const { pool } = await adjacent(0);
    await pool.configure({ ...LINK, source: "simulated", shards: 2 }, [0]);
    await value(pool.shard(0).prefill({ configVersion: 0, bytes: 65_536 }));
    expect(await pool.status()).toMatchObject({ simulated: false });
    await value(pool.importKeys());
    expect(await pool.status()).toMatchObject({ simulated: true, transferredBits: 4 * 32_768 });
    await pool.evict();
    expect(await pool.status()).toMatchObject({ simulated: true });
  });

  test("is relayed where the link has none", async () => {
    const { pool, node } = await adjacent(0);
    await value(pool.importKeys());
    expect(node.urgent).toMatchObject([{ bytes: 64, shard: RELAY_SHARD }]);
    expect((await pool.status()).ledgerBits).toMatchObject({ pad: 512, available: 0 });
  });

  test("is borrowed from the shard of relayed key by one of a number that links have, and relayed there", async () => {
    const { pool, node } = await dry({ at: 3 });
    await pool.configure({}, [RELAY_SHARD]);
    await node.install();
    await value(pool.importKeys());
    expect(node.urgent).toMatchObject([{ bytes: LIMITS.unitBytes, shard: RELAY_SHARD }]);
    expect((await pool.status()).ledgerBits).toMatchObject({ pad: 512, available: 32_768 - 512 });
    await relayInto(pool, { bytes: 8192 });
    await value(pool.importKeys({ bytes: randomBytes(4096), sizeBytes: 2048 }));
    expect(node.urgent).toHaveLength(1);
    expect((await pool.status(RELAY_SHARD)).conserved).toBe(true);
  });

  test("that cannot be relayed is refused with the reason, and no transfer stays open", async () => {
    const { pool, node } = await dry({ at: 3 });
    await pool.configure({}, [RELAY_SHARD]);
    await node.install();
    node.bring = async () => err(fault("no-path", "no path: m-0 is out of reach"));
    const refused = await pool.importKeys();
    expect(refused).toMatchObject({ ok: false, error: { code: "no-path", message: "no path: m-0 is out of reach" } });
    expect(await pool.sql("SELECT id FROM transfer")).toEqual([]);
  });
});
