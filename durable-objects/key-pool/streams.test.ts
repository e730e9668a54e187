/** Key streams in a pool: chunks, settling, closing. */
import { describe, expect, test } from "vitest";
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { auditOf, code, makePool, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import {
  endAt,
  expectConserved,
  makeStreamPool,
  newKsid,
  open,
  openBoth,
  runAlarm,
  streamIn,
  streamsOf,
  TestEnd,
} from "../../test/support/in-workerd-pool-streams.ts";

const KEY_RECORDS = "SELECT id FROM key_record";
const STREAMS = "SELECT instance FROM stream";

describe("chunks", () => {
  test("are the same at both ends, each once; then nothing of them is left", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const first = await a.fetch([0], { readAhead: 7 });
    expect([...first.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(first.values()).size).toBe(8);
    expect(await b.fetch([0], { readAhead: 7 })).toEqual(first);
    for (const end of [a, b]) expect(await end.outcome([0])).toBe("gone");
    expect((await b.fetch([8])).get(8)).toBe((await a.fetch([8])).get(8));
    await a.settle();
    await b.settle();
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, delivered: 9 * 256 });
  });

  test("of a key that comes before them, and one that comes after", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const far = await a.fetch([5]);
    expect([...far.keys()]).toEqual([5]);
    const all = await b.fetch([0, 1, 2, 3, 4, 5]);
    expect(all.get(5)).toBe(far.get(5));
    expect(await a.fetch([1, 3])).toEqual(new Map([1, 3].map((index) => [index, all.get(index)])));
    expect(await a.fetch([0], { readAhead: 6 })).toMatchObject({ size: 4 });
    expect(await a.outcome([0])).toBe("gone");
    expect(await b.outcome([6 + LIMITS.streamAheadChunks + 1])).toBe("insufficient");
  });

  test("all or none", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    await a.fetch([1]);
    expect(await a.outcome([0, 1, 2])).toBe("gone");
    expect([...(await a.fetch([0, 2])).keys()]).toEqual([0, 2]);
  });

  test("none before the other end is there", async () => {
    const pool = await makeStreamPool();
    const [self, peer, ksid] = [endAt("a", pool.low), endAt("b", pool.high), newKsid()];
    const a = new TestEnd(streamsOf(pool), ksid, self, streamIn(await value(open(pool, { ksid, self, peer }))));
    expect(await a.outcome([0], { waitMs: 1000 })).toBe("peer-absent");
    expect(await a.available(3)).toEqual({ indices: [], possible: 0 });
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
  });

  test("are found by no key ID, and counted with their SAEs' keys", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    await a.fetch([0], { readAhead: 3 });
    expect(await value(pool.stub.countPending({ sae: a.self.sae, after: 0 }))).toMatchObject({ keys: 4 });
    expect(await value(pool.stub.countPending({ sae: "sae-b" as SaeId, after: 0 }))).toMatchObject({ keys: 4 });
  });

  test("of two streams have nothing in common", async () => {
    const pool = await makeStreamPool();
    const ends = await Promise.all(Array.from({ length: 20 }, async () => await openBoth(pool)));
    const fetched = await Promise.all(ends.flat().map(async (end) => [...(await end.fetch([0, 1, 2])).values()]));
    expect(new Set(fetched.flat()).size).toBe(60);
  });

  test("are told as there for an end, and made for it to be told of", async () => {
    const pool = await makeStreamPool({ bytes: 4096 });
    const [a, b] = await openBoth(pool);
    expect(await a.available()).toEqual({ indices: [], possible: 128 });
    expect(await a.available(3)).toEqual({ indices: [0, 1, 2], possible: 125 });
    await b.fetch([1]);
    expect(await b.available(4)).toEqual({ indices: [0, 2, 3, 4], possible: 123 });
    await pool.evict();
    expect(await a.available(0)).toEqual({ indices: [0, 1, 2, 3, 4], possible: 123 });
    expect((await a.available(1000)).indices).toHaveLength(64);
  });

  test("one audit event a call, without a word of the key", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    const chunks = await a.fetch([0], { readAhead: 7 });
    await a.close();
    const acts = async () => (await auditOf(pool)).filter(({ act }) => act.startsWith("stream."));
    await expect.poll(async () => (await acts()).length, { timeout: 10_000 }).toBe(3);
    const events = await acts();
    expect(events.map(({ act }) => act)).toEqual(["stream.open", "stream.chunks", "stream.close"]);
    expect(events[1]?.detail).toMatchObject({ first_index: 0, chunks: 8, made: 8, ksid: a.ksid });
    for (const chunk of chunks.values()) expect(JSON.stringify(events)).not.toContain(chunk);
  });
});

describe("an end lets go of chunks", () => {
  test("that reached nobody: it can have them again, the others it had", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const first = await a.fetch([0], { readAhead: 3 });
    await b.fetch([0], { readAhead: 3 });
    await a.settle([1, 3]);
    expect(await expectConserved(pool)).toMatchObject({ pending: 2 * 256, delivered: 2 * 256 });
    expect(await a.outcome([0])).toBe("gone");
    expect(await a.fetch([1, 3])).toEqual(new Map([1, 3].map((index) => [index, first.get(index)])));
    await a.settle([2]); // had for good
    expect(await a.outcome([2])).toBe("gone");
    await b.settle();
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
  });

  test("after a crash between the hand-over and the answer it has had them", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const first = await a.fetch([0, 1]);
    await pool.evict();
    await a.settle([0, 1]); // nobody holds them any more
    expect(await a.outcome([0])).toBe("gone");
    expect(await b.fetch([0, 1])).toEqual(first);
    await b.settle();
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
  });

  test("says nothing of them: the alarm erases them", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    await a.fetch([0, 1]);
    await b.fetch([0]);
    await pool.evict();
    expect(await b.fetch([1])).toHaveProperty("size", 1);
    expect(await pool.sql("SELECT state FROM key_record")).toEqual([{ state: "held" }]);
    await pool.sql("UPDATE key_record SET expires_ms = 1");
    await pool.evict();
    await expect.poll(async () => (await runAlarm(pool), await pool.sql(KEY_RECORDS)), { timeout: 10_000 }).toEqual([]);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, delivered: 2 * 256, expired: 0 });
  });

  test("within the policy's grace an end may read again, after it not", async () => {
    const pool = await makeStreamPool({ policy: { delivery_grace_s: 30 } });
    const [a, b] = await openBoth(pool);
    const first = await a.fetch([0]);
    await b.fetch([0]);
    await a.settle();
    await b.settle();
    await pool.evict();
    expect(await a.fetch([0])).toEqual(first);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, delivered: 256 });
    await pool.sql("UPDATE key_record SET hold_until_ms = 1, expires_ms = 1");
    await pool.evict();
    expect(await a.outcome([0])).toBe("gone");
  });

  test("what was read again within the grace stays had, whoever gives it back", async () => {
    const pool = await makeStreamPool({ policy: { delivery_grace_s: 30 } });
    const [a, b] = await openBoth(pool);
    for (const settledBefore of [false, true]) {
      const [index, ahead] = settledBefore ? [2, 3] : [0, 1];
      await a.fetch([index], { readAhead: 1 });
      if (settledBefore) await a.settle();
      await a.fetch([index]);
      await a.settle([index, ahead]);
      expect((await a.available()).indices).not.toContain(index);
    }
    expect((await a.available()).indices).toEqual([1]);
    await pool.sql("UPDATE key_record SET hold_until_ms = 1");
    await pool.evict();
    for (const index of [0, 2, 3]) expect(await a.outcome([index])).toBe("gone");
    expect(await b.fetch([0, 1, 2, 3])).toHaveProperty("size", 4);
    await expectConserved(pool);
  });

  test("a chunk erased before the grace was set cannot be read again with those beside it", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    await a.fetch([0], { readAhead: 1 });
    await b.fetch([0]);
    await a.settle();
    await b.settle();
    await pool.configure({ policy: { ...(await policyOf(pool)), delivery_grace_s: 30 } });
    const one = await b.fetch([1]);
    expect(await b.fetch([1])).toEqual(one);
    expect(await a.outcome([0])).toBe("gone");
    expect(await b.outcome([0])).toBe("gone");
  });
});

const policyOf = async (pool: Awaited<ReturnType<typeof makePool>>) => {
  const [row] = await pool.sql<{ value: string }>("SELECT value FROM setting WHERE name = 'config'");
  return (JSON.parse(row!.value) as { policy: never }).policy as object as Parameters<
    typeof pool.configure
  >[0]["policy"] &
    object;
};

describe("closing", () => {
  test("the other end may fetch what was made, and no more; then the stream is gone", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const first = await a.fetch([0], { readAhead: 3 });
    expect(await a.close()).toMatchObject({ ends: [{ state: "closed" }, { state: "open" }] });
    expect(await a.outcome([4])).toBe("closed");
    expect((await value(open(pool, { ksid: a.ksid, self: a.self, peer: b.self }))).outcome).toBe("in-use");
    expect(await b.fetch([0, 1])).toEqual(new Map([0, 1].map((index) => [index, first.get(index)])));
    expect(await b.outcome([4])).toBe("gone");
    expect(await a.close()).toMatchObject({ ends: [{ state: "closed" }, { state: "open" }] });
    await b.close();
    expect(await b.close()).toBe(null);
    expect(await pool.sql(STREAMS)).toEqual([]);
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, delivered: 2 * 256, voided: 2 * 256 });
    const fresh = await openBoth(pool, { ksid: a.ksid });
    expect(fresh[0].instance).toBeGreaterThan(a.instance);
    expect(await a.outcome([0])).toBe("unknown");
    expect((await fresh[0].fetch([0])).get(0)).not.toBe(first.get(0));
  });

  test("what the closer had not fetched is given up for it", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    await a.fetch([3]);
    await b.fetch([0, 3]);
    await b.settle();
    await a.close();
    expect(await a.outcome([1], { afterClose: true })).toBe("gone");
    expect(await expectConserved(pool)).toMatchObject({ pending: 2 * 256 });
    await b.fetch([1, 2]);
    await b.settle();
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
  });

  test("with a binding that lets it, the closer may fetch what had been made", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    const first = await b.fetch([0, 1, 2]);
    await a.close(true);
    expect(await a.outcome([0])).toBe("closed");
    expect((await a.fetch([0], { afterClose: true })).get(0)).toBe(first.get(0));
    expect(await a.outcome([3], { afterClose: true })).toBe("gone");
    await b.close(true);
    expect(await a.fetch([1, 2], { afterClose: true })).toMatchObject({ size: 2 });
    await a.settle();
    expect(await pool.sql(STREAMS)).toEqual([]);
    expect(await pool.sql(KEY_RECORDS)).toEqual([]);
    expect(await expectConserved(pool)).toMatchObject({ pending: 0, delivered: 3 * 256 });
  });

  test("before anybody has come to the other end, nothing of it remains", async () => {
    const pool = await makeStreamPool();
    const [self, peer, ksid] = [endAt("a", pool.low), endAt("b", pool.high), newKsid()];
    const a = new TestEnd(streamsOf(pool), ksid, self, streamIn(await value(open(pool, { ksid, self, peer }))));
    await a.close();
    expect(await pool.sql(STREAMS)).toEqual([]);
    expect(await value(open(pool, { ksid, self: peer, peer: self }))).toMatchObject({ outcome: "opened" });
  });
});

describe("hostile calls", () => {
  const BAD = [
    [-1],
    [0.5],
    [Number.NaN],
    [Infinity],
    [2 ** 32],
    [1, 1],
    [2, 1],
    [],
    Array.from({ length: 65 }, (_, index) => index),
    ["0" as never],
  ];

  test("are refused, and change nothing", async () => {
    const pool = await makeStreamPool();
    const [a] = await openBoth(pool);
    const before = await expectConserved(pool);
    for (const indices of BAD) expect(await code(a.get(indices)), String(indices)).toBe("bad-request");
    for (const readAhead of [-1, 9, Number.NaN]) expect(await code(a.get([0], { readAhead }))).toBe("bad-request");
    for (const waitMs of [-1, 60_001, Number.NaN]) expect(await code(a.get([0], { waitMs }))).toBe("bad-request");
    expect(await code(a.get([0], { ksid: "not a KSID" as never }))).toBe("bad-request");
    expect(await code(a.get([0], { self: endAt("sae-a", "elsewhere" as never) }))).toBe("bad-request");
    expect(await a.outcome([0], { self: endAt("stranger", pool.low) })).toBe("unknown");
    expect(await a.outcome([0], { instance: a.instance + 1 })).toBe("unknown");
    expect(await a.outcome([2 ** 32 - 1])).toBe("insufficient");
    await a.settle([0, 1, 2 ** 32 - 1]);
    expect(await expectConserved(pool)).toEqual(before);
  });
});

test("material beyond what a stream asks for stays as it is", async () => {
  const pool = await makeStreamPool({ bytes: 0 });
  await value(pool.push("f:0", randomBytes(100)));
  const [a, b] = await openBoth(pool);
  expect([...(await a.fetch([0, 1, 2], { readAhead: 7 })).keys()]).toEqual([0, 1, 2]);
  expect(await b.outcome([3])).toBe("insufficient");
  expect(await expectConserved(pool)).toMatchObject({ available: 4 * 8, pending: 3 * 256 });
});
