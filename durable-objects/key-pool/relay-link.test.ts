/** How much of a link's key relays may take, beside those who use it directly. The hops themselves: relay-hops.test.ts. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { A, auditOf, B, code, defaultPolicy, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { openBoth, pushKey } from "../../test/support/in-workerd-pool-streams.ts";
import {
  booksOf,
  draw,
  hop,
  LEVELS,
  linkStateOf,
  LOW_BYTES,
  makeLink,
  otherTerms,
  relayPolicy,
  termsOver,
  up,
} from "../../test/support/in-workerd-relay.ts";

const FLOOR_BYTES = defaultPolicy.relay.authentication_floor_bytes;
const { low_bytes: _, ...NO_LOW } = LEVELS;
const WITHOUT_LOW = { pool: { ...NO_LOW, low_bytes: 0 } };

const available = async (pool: TestPool, shard = 0): Promise<number> => (await booksOf(pool, shard)).available ?? 0;

/** Relays until the link gives none any more. @returns what it says then */
async function relayAll(pool: TestPool, bytes: number) {
  for (;;) {
    const drawn = await draw(pool, up(pool), termsOver(up(pool), { bytes }));
    if (!drawn.ok) return drawn.error;
  }
}

describe("relays leave to direct use", () => {
  test("what lies below the low watermark; they are told so, and when to come again", async () => {
    const pool = await makeLink(3 * LOW_BYTES);
    const refused = await relayAll(pool, 1000);
    expect(refused.code).toBe("link-budget");
    expect(refused.message).toContain("link link: relays may take only what lies above 4096 bytes");
    expect(refused.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    const left = await available(pool);
    expect(left).toBeGreaterThanOrEqual(LOW_BYTES * 8);
    expect(left).toBeLessThan((LOW_BYTES + 1032) * 8);
    // All or none, and nothing is lost.
    expect(await booksOf(pool)).toEqual({ available: left, pending: 3 * LOW_BYTES * 8 - left });
    await value(pool.enc({ count: 32, sizeBits: 512 }));
    expect(await code(draw(pool, up(pool), termsOver(up(pool), { bytes: 1 })))).toBe("link-budget");
  });

  test("what that has asked for of late, served or not", async () => {
    const pool = await makeLink(0);
    expect(await code(pool.enc({ count: 64, sizeBits: 32_768 }))).toBe("not-enough-keys");
    await pushKey(pool, 65_536);
    expect(await code(draw(pool, up(pool)))).toBe("link-budget");
    await pool.evict(); // it forgets, and so it would do within seconds
    await hop(pool, up(pool));
  });

  test("is refused now and then to be read in the audit log", async () => {
    const pool = await makeLink(1024);
    for (let asks = 0; asks < 5; asks++) expect(await code(draw(pool, up(pool)))).toBe("link-budget");
    // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
    await runDurableObjectAlarm(pool.stub as any);
    await expect
      .poll(async () => (await auditOf(pool)).filter(({ act }) => act === "relay.refused").map(({ detail }) => detail))
      .toEqual([{ pair: `${pool.low}|n-3`, reason: "low", refusals: 1, pool: pool.pair }]);
  });
});

describe("the floor", () => {
  const WHOLE = { sizeBits: 1024 * 8 };

  test("direct use leaves it where a relay went over the link: keys, streams and imports", async () => {
    const pool = await makeLink(8 * 1024, { policy: WITHOUT_LOW });
    await hop(pool, up(pool), termsOver(up(pool), { bytes: 1024 - 32 }));
    for (let keys = 0; keys < 6; keys++) await value(pool.enc(WHOLE));
    expect(await available(pool)).toBe(FLOOR_BYTES * 8);
    expect(await code(pool.enc({ sizeBits: 8 }))).toBe("not-enough-keys");
    expect(await code(pool.importKeys())).toBe("not-enough-keys");
    const [a] = await openBoth(pool, { qos: { chunkBytes: 32 } });
    expect(await a.outcome([0])).toBe("insufficient");
    expect(await a.available(1)).toEqual({ indices: [], possible: 0 });
    expect(await code(draw(pool, up(pool), termsOver(up(pool), { bytes: 1 })))).toBe("link-budget");
    // It is there for the pool's whole life.
    await pool.evict();
    expect(await code(pool.enc({ sizeBits: 8 }))).toBe("not-enough-keys");
    await pushKey(pool, 64);
    expect(await a.outcome([0])).toBe("handed");
    await value(pool.enc());
    expect(await available(pool)).toBe(FLOOR_BYTES * 8);
  });

  test("a stream that waits is served as soon as there is more than the floor", async () => {
    const pool = await makeLink(FLOOR_BYTES + 64, { policy: WITHOUT_LOW });
    await hop(pool, up(pool));
    const [a] = await openBoth(pool, { qos: { chunkBytes: 32 } });
    const waiting = a.outcome([0], { waitMs: 20_000 });
    await pushKey(pool, 16);
    await pushKey(pool, 16);
    expect(await waiting).toBe("handed");
    expect(await available(pool)).toBe(FLOOR_BYTES * 8);
  });

  test("stays where relays went over the link: siblings are lent what is above it", async () => {
    const pool = await makeLink(3 * LIMITS.unitBytes, { shards: 2, policy: WITHOUT_LOW });
    await hop(pool, up(pool), termsOver(up(pool), { bytes: LIMITS.unitBytes - 32 }));
    const atSibling = { configVersion: 0, principal: "sae:sae-a", master: A.sae, masterNode: pool.low };
    const whole = { ...atSibling, recipients: [{ sae: B.sae, node: pool.high }], count: 1, sizeBits: 32_768 };
    await value(pool.shard(1).encKeys(whole));
    expect(await code(pool.shard(1).encKeys(whole))).toBe("not-enough-keys");
    expect(await available(pool)).toBe(LIMITS.unitBytes * 8);
  });

  test("is no concern of a link that carries no relays", async () => {
    const pool = await makeLink(2048, { policy: WITHOUT_LOW });
    await value(pool.enc({ sizeBits: 2048 * 8 }));
    expect(await available(pool)).toBe(0);
  });

  test("binds relays where the watermark is lower", async () => {
    const pool = await makeLink(8192, {
      policy: { ...WITHOUT_LOW, ...relayPolicy({ authentication_floor_bytes: 6000 }) },
    });
    await relayAll(pool, 100);
    expect(await available(pool)).toBeGreaterThanOrEqual(6000 * 8);
  });
});

test("what relays may take is shared out among pairs while it is short", async () => {
  const pool = await makeLink(LOW_BYTES + 8192);
  const ends = up(pool);
  const ask = async (pair: number) => await draw(pool, ends, otherTerms(ends, pair, { bytes: 992 }));
  while ((await ask(1)).ok);
  expect(await code(ask(2))).toBe("link-budget");
  await pushKey(pool, 2048);
  const refused = await ask(1);
  expect(refused).toMatchObject({ ok: false, error: { code: "link-budget", retryAfterSeconds: 1 } });
  expect(refused.ok ? "" : refused.error.message).toContain("for other pairs now");
  await value(ask(2));
  await value(ask(2));
  expect(await available(pool)).toBe(LOW_BYTES * 8);
});

test("a shard that is short gets key from its siblings first", async () => {
  const pool = await makeLink(128 * 1024, { shards: 2 });
  for (let draws = 0; draws < 8; draws++) await hop(pool, up(pool), termsOver(up(pool), { bytes: 8160 }), 1);
  expect(await booksOf(pool, 1)).toMatchObject({ pad: 8 * 8160 * 8, tag: 8 * 256 });
  let refused = await draw(pool, up(pool), termsOver(up(pool), { bytes: 8160 }), 1);
  while (refused.ok) refused = await draw(pool, up(pool), termsOver(up(pool), { bytes: 8160 }), 1);
  expect(refused.error.code).toBe("link-budget");
  // What relays leave lies with this shard, and its siblings may have it.
  expect((await available(pool, 1)) + (await available(pool))).toBeGreaterThanOrEqual(LOW_BYTES * 8);
  await value(pool.enc());
});

describe("nodes advertise", () => {
  test("what relays may take, and how fast more comes", async () => {
    const simulated = { source: "simulated", keyRateBps: 5000 } as const;
    const pool = await makeLink(65_536, { ...simulated, policy: { pool: { ...LEVELS, high_bytes: 65_536 } } });
    expect(await linkStateOf(pool)).toEqual({ availableBits: (65_536 - LOW_BYTES) * 8, keyRateBps: 5000 });
    await hop(pool, up(pool), termsOver(up(pool), { bytes: 1024 - 32 }));
    expect(await linkStateOf(pool)).toMatchObject({ availableBits: (65_536 - LOW_BYTES - 1024) * 8 });
    await pool.configure({ state: "draining" });
    expect(await linkStateOf(pool)).toEqual({ availableBits: 0, keyRateBps: 0 });
    await pool.configure({ state: "active", policy: { ...defaultPolicy, ...relayPolicy({ enabled: false }) } });
    expect(await linkStateOf(pool)).toEqual({ availableBits: 0, keyRateBps: 0 });
  });

  test("nothing of a link that is low", async () => {
    const pool = await makeLink(LOW_BYTES - 1);
    expect(await linkStateOf(pool)).toEqual({ availableBits: 0, keyRateBps: 0 });
  });
});

test("the largest relay goes over a link", async () => {
  const pool = await makeLink(320 * 1024);
  const bytes = await hop(pool, up(pool), termsOver(up(pool), { bytes: LIMITS.relayBytes }));
  expect(bytes).toHaveLength(LIMITS.relayBytes + 32);
});
