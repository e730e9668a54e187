/** How key streams end, and what happens to them when something else does: SAEs, links, copies of storage, quotas. */
import { describe, expect, test } from "vitest";
import { NO_WISHES } from "../../shared/etsi004/qos.ts";
import type { SaeId } from "../../shared/ids.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { makeHalves } from "../../test/support/in-workerd-halves.ts";
import { randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import {
  endAt,
  expectConserved,
  makeStreamPool,
  newKsid,
  open,
  openBoth,
  pushKey,
  runAlarm,
} from "../../test/support/in-workerd-pool-streams.ts";
import { openStream } from "./stream-open.ts";

const KEY_RECORDS = "SELECT id FROM key_record";
const STREAMS = "SELECT instance FROM stream";
/** As if the streams had not been used for too long. */
const makeIdle = async (pool: TestPool) => {
  await pool.sql("UPDATE stream SET ends_ms = 1");
  await pool.evict();
};
const ringUntil = async (pool: TestPool, sql: string) =>
  await expect.poll(async () => (await runAlarm(pool), await pool.sql(sql)), { timeout: 20_000 }).toEqual([]);

describe("time", () => {
  test("chunks run out with the TTL, fetched by one end, or by none, or still held", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool, { qos: { ttlSeconds: 1 } });
    await a.fetch([1]);
    await expect
      .poll(async () => (await pool.sql("SELECT 1 FROM key_record WHERE expires_ms > ?", Date.now())).length)
      .toBe(0);
    for (const end of [a, b]) expect(await end.outcome([0])).toBe("gone");
    await a.settle([1]);
    await ringUntil(pool, KEY_RECORDS);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, expired: 2 * 256 });
    expect([...(await b.fetch([2])).keys()]).toEqual([2]);
  });

  test("a stream that nobody uses ends by the alarm, with what is left of it", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    const waits = { ksid: newKsid(), self: endAt("a", pool.low), peer: endAt("b", pool.high) };
    await value(open(pool, waits));
    await a.fetch([0], { readAhead: 7 });
    await makeIdle(pool);
    expect(await a.outcome([8])).toBe("unknown");
    await ringUntil(pool, STREAMS);
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, voided: 8 * 256 });
  });

  test("a KSID whose time is over can be had at once, as another stream", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    await a.fetch([0]);
    await makeIdle(pool);
    const [fresh] = await openBoth(pool, { ksid: a.ksid });
    expect(fresh.instance).toBeGreaterThan(a.instance);
    expect(await a.outcome([1])).toBe("unknown");
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, voided: 256 });
  });

  test("of more records than fit a commit, the alarm voids the rest", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    await a.fetch([0]);
    await pool.sql(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO key_record (id, nonce, state, master, master_node, recipients, keys, size_bytes, segments, left,
         policy_version, expires_ms, stream, first_chunk, made_ms)
       SELECT 1000 + i, nonce, state, master, master_node, recipients, keys, size_bytes, '[]', x'00', policy_version,
         expires_ms, stream, i, made_ms FROM key_record, n WHERE id = 1`,
      2 * LIMITS.streamRecordsEnded,
    );
    await pool.evict();
    await a.close();
    await b.close();
    await openBoth(pool, { ksid: a.ksid });
    await ringUntil(pool, "SELECT id FROM key_record");
    await ringUntil(pool, "SELECT instance FROM stream WHERE ksid IS NULL");
    await expectConserved(pool);
  });
});

describe("what happens to a pool", () => {
  test.each(["sae-a", "sae-b"])("%s is moved, removed or revoked: its streams are over", async (sae) => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const [other] = await openBoth(pool, { a: "x", b: "y" });
    await a.fetch([0], { readAhead: 3 });
    await b.fetch([0]);
    const kept = await other.fetch([0]);
    expect(await voidAll(pool, sae as SaeId)).toBe(3);
    expect(await a.outcome([1])).toBe("unknown");
    expect(await b.outcome([1])).toBe("unknown");
    expect(await other.outcome([1])).toBe("handed");
    expect(kept.size).toBe(1);
    await ringUntil(pool, "SELECT instance FROM stream WHERE ksid IS NULL");
    expect(await pool.sql(KEY_RECORDS)).toHaveLength(2);
    expect(await expectConserved(pool)).toMatchObject({ pending: 2 * 256 });
  });

  test("its storage was put back from a copy: all streams are over, and numbers are not used again", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    await a.fetch([0]);
    const [row] = await pool.sql<{ value: string }>("SELECT value FROM setting WHERE name = 'lease'");
    const lease = { ...(JSON.parse(row!.value) as object), deployment: "another" };
    await pool.sql("UPDATE setting SET value = ? WHERE name = 'lease'", JSON.stringify(lease));
    await pool.sql("UPDATE totals SET next_stream = 1");
    await pool.evict();
    await expect.poll(async () => (await a.get([1])).ok, { timeout: 20_000 }).toBe(true);
    expect(await a.outcome([0])).toBe("unknown");
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
    await pushKey(pool, 8192);
    const [fresh] = await openBoth(pool, { ksid: a.ksid });
    expect(fresh.instance).toBeGreaterThan(a.instance);
    await expectConserved(pool);
  });

  test("a restart changes nothing but what ends may give back", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool, { qos: { minBps: 5 } });
    const first = await a.fetch([0], { readAhead: 2 });
    await pool.evict();
    expect(await b.fetch([0, 1, 2])).toEqual(first);
    expect(await a.outcome([0])).toBe("gone");
    const [of] = await openBoth(pool);
    expect(of.instance).toBeGreaterThan(a.instance);
  });

  test("a new epoch: chunks are fetched as before", async () => {
    const pool = await makeStreamPool({ epoch: 1 });
    const [a, b] = await openBoth(pool);
    const first = await a.fetch([0, 1]);
    for (let remaining = true; remaining;) ({ remaining } = await value(pool.stub.rollEpoch({ epoch: 2 })));
    expect(await b.fetch([0, 1])).toEqual(first);
    await expectConserved(pool);
  });
});

async function voidAll(pool: TestPool, sae: SaeId | null): Promise<number> {
  let voided = 0;
  for (let after: number | null = 0; after !== null;) {
    const step: { keys: number; next: number | null } = await value(
      pool.stub.voidPending({ sae, reason: "test", after }),
    );
    voided += step.keys;
    after = step.next;
  }
  return voided;
}

describe("bounds", () => {
  test("an SAE has so many streams of a pool, a pool so many in all", async () => {
    const pool = await makeStreamPool();
    const call = { self: endAt("a", pool.low), peer: endAt("b", pool.high) };
    const fill = async (count: number, sae: string) => {
      await pool.sql("DELETE FROM stream");
      await pool.sql(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO stream SELECT i, 'ksid-' || i, ?, ${sae}, 'x', 'open', null, 'y', 'absent', 0, 0, 0, 1, 9e15, null FROM n`,
        count,
        JSON.stringify(NO_WISHES),
      );
      await pool.evict();
    };
    await fill(LIMITS.streamsPerSae, "'a'");
    expect(await open(pool, { ksid: newKsid(), ...call })).toMatchObject({ ok: false, error: { code: "pool-full" } });
    await value(open(pool, { ksid: newKsid(), ...call, self: endAt("a2", pool.low) }));
    await fill(LIMITS.streams, "'s' || i");
    expect(await open(pool, { ksid: newKsid(), ...call })).toMatchObject({ ok: false, error: { code: "pool-full" } });
    const [ksid] = (await pool.sql<{ ksid: Ksid }>("SELECT ksid FROM stream LIMIT 1")).map((row) => row.ksid);
    expect(ksid).toBe("ksid-1");
  });

  test("the opener's quota counts, whoever asks", async () => {
    const pool = await makeStreamPool({ policy: { quota: { keys_per_day: 3 } } });
    const [a, b] = await openBoth(pool);
    await b.fetch([0, 1], { readAhead: 7 });
    expect(await b.fetch([2], { readAhead: 7 })).toHaveProperty("size", 1);
    expect(await b.outcome([3])).toBe("insufficient");
    expect(await a.fetch([0, 1, 2])).toHaveProperty("size", 3);
    const [c] = await openBoth(pool, { a: "other" });
    expect(await c.fetch([0])).toHaveProperty("size", 1);
    await expectConserved(pool);
  });
});

test("a shard that has none borrows from its siblings", async () => {
  const pool = await makeStreamPool({ shards: 2 });
  const [a, b] = await openBoth(pool, { shard: 1 });
  const first = await a.fetch([0], { readAhead: 3 });
  expect(await b.fetch([...first.keys()])).toEqual(first);
  for (const shard of [0, 1]) await expectConserved(pool, shard);
});

test("a pair whose other node lives in another deployment has no hybrid streams", async () => {
  const { low } = makeHalves();
  await low.push("a", randomBytes(8192));
  const nodes = [low, low.other].map(({ node }) => ({ uuid: crypto.randomUUID(), node }));
  const [initiator, responder] = nodes as [NonNullable<(typeof nodes)[0]>, NonNullable<(typeof nodes)[0]>];
  const hybrid = { method: "qkdedge-hkdf-v1", sources: [], dropped: [], initiator, responder } as const;
  const call = { configVersion: 0, principal: "x", ksid: newKsid(), qos: NO_WISHES, opensAdjusted: false, hybrid };
  const ends = { self: endAt("a", low.node), peer: endAt("b", low.other.node) };
  const opened = await low.run(async ({ pool }) => await openStream(pool, { ...call, ...ends }));
  expect(opened).toMatchObject({ ok: false, error: { code: "no-route" } });
});
