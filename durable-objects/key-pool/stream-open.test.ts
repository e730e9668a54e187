/** OPEN_CONNECT at a pool: who is which end of a stream, and what is promised to it. */
import { describe, expect, test } from "vitest";
import { NO_WISHES } from "../../shared/etsi004/qos.ts";
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { code, value } from "../../test/support/in-workerd-pool.ts";
import {
  anybodyAt,
  endAt,
  expectConserved,
  makeStreamPool,
  newKsid,
  open,
  openBoth,
  streamIn,
  streamsOf,
  TestEnd,
  wish,
} from "../../test/support/in-workerd-pool-streams.ts";

const STREAMS = "SELECT instance FROM stream";
/** 36,000 bits, which count as 10 bits a second. */
const stocked = async () => await makeStreamPool({ bytes: 4500 });

describe("opening", () => {
  test("who comes first registers the QoS, who comes second joins, whatever it wishes", async () => {
    const pool = await makeStreamPool();
    const [a, b, ksid] = [endAt("a", pool.low), endAt("b", pool.high), newKsid()];
    const opened = await value(open(pool, { ksid, self: b, peer: a, qos: wish({ chunkBytes: 64, priority: 3 }) }));
    expect(opened).toMatchObject({
      outcome: "opened",
      stream: {
        qos: { chunkBytes: 64, priority: 3, ttlSeconds: LIMITS.streamDefaultTtlSeconds },
        ends: [
          { ...b, state: "open" },
          { ...a, state: "absent" },
        ],
        hops: 0,
        nextIndex: 0,
      },
    });
    const joined = await value(open(pool, { ksid, self: a, peer: b, qos: wish({ chunkBytes: 128, minBps: 10 ** 9 }) }));
    expect(joined).toMatchObject({ outcome: "joined", stream: { qos: { chunkBytes: 64, priority: 3 } } });
    expect(streamIn(joined).instance).toBe(streamIn(opened).instance);
    const again = await value(open(pool, { ksid, self: b, peer: a }));
    expect(again).toEqual({ outcome: "same-end", stream: streamIn(joined) });
    expect(await value(streamsOf(pool).streamState({ configVersion: 0, ksid, sae: a.sae }))).toEqual(streamIn(joined));
    expect(await value(streamsOf(pool).streamState({ configVersion: 0, ksid, sae: "c" as SaeId }))).toBe(null);
  });

  test("at the same time, one of the two is first", async () => {
    const pool = await makeStreamPool();
    const [a, b, ksid] = [endAt("a", pool.low), endAt("b", pool.high), newKsid()];
    const both = await Promise.all([open(pool, { ksid, self: a, peer: b }), open(pool, { ksid, self: b, peer: a })]);
    const outcomes = both.map((each) => (each.ok ? each.value.outcome : each.error.code));
    expect(outcomes.toSorted()).toEqual(["joined", "opened"]);
  });

  test("a peer that is not named is whoever comes first and names the opener", async () => {
    const pool = await makeStreamPool();
    const [a, b, ksid] = [endAt("a", pool.low), endAt("b", pool.high), newKsid()];
    await value(open(pool, { ksid, self: a, peer: anybodyAt(pool.high) }));
    const stranger = { ksid, self: endAt("c", pool.high), peer: endAt("a2", pool.low) };
    expect(await value(open(pool, stranger))).toEqual({ outcome: "in-use" });
    expect(await value(open(pool, { ksid, self: b, peer: anybodyAt(pool.low) }))).toMatchObject({
      outcome: "joined",
      stream: { ends: [a, b].map((end) => ({ ...end, state: "open" })) },
    });
  });

  test("others are told that it is in use, and so is an end that wants another peer", async () => {
    const pool = await makeStreamPool();
    const [a, b, c, ksid] = [endAt("a", pool.low), endAt("b", pool.high), endAt("c", pool.high), newKsid()];
    await value(open(pool, { ksid, self: a, peer: b }));
    for (const [self, peer] of [
      [c, a],
      [endAt("a2", pool.low), b],
      [a, c],
      [endAt("a", pool.high), b],
    ] as const) {
      if (self.node === peer.node) continue;
      expect(await value(open(pool, { ksid, self, peer }))).toEqual({ outcome: "in-use" });
    }
    expect(await value(open(pool, { ksid, self: b, peer: a }))).toMatchObject({ outcome: "joined" });
    expect(await value(open(pool, { ksid, self: c, peer: a }))).toEqual({ outcome: "in-use" });
  });

  test("within one node the ends are told apart by their SAEs", async () => {
    const pool = await makeStreamPool({ one: "n-local" as never });
    const [a, b, ksid] = [endAt("a", pool.low), endAt("b", pool.low), newKsid()];
    const first = streamIn(await value(open(pool, { ksid, self: a, peer: anybodyAt(pool.low) })));
    expect(await value(open(pool, { ksid, self: a, peer: anybodyAt(pool.low) }))).toMatchObject({
      outcome: "same-end",
    });
    const second = streamIn(await value(open(pool, { ksid, self: b, peer: a, qos: wish({ minBps: 4 * 10 ** 9 }) })));
    const chunks = await new TestEnd(streamsOf(pool), ksid, a, first).fetch([3], { readAhead: 2 });
    expect([...chunks.keys()]).toEqual([3, 4, 5]);
    expect(await new TestEnd(streamsOf(pool), ksid, b, second).fetch([3, 4, 5])).toEqual(chunks);
    await expectConserved(pool);
  });

  test("a pair that gives no keys opens none, and makes none for streams that are open", async () => {
    const pool = await makeStreamPool();
    const [a, b] = await openBoth(pool);
    await a.fetch([0]);
    await pool.configure({ state: "draining" });
    expect(await code(open(pool, { ksid: newKsid(), self: a.self, peer: b.self }))).toBe("no-route");
    expect(await b.fetch([0])).toHaveProperty("size", 1);
    expect(await code(b.get([1]))).toBe("no-route");
  });
});

describe("Min_bps", () => {
  test("is promised as far as nobody else has it, and refused with nine tenths of what could be had", async () => {
    const pool = await stocked();
    const [a, b] = [endAt("a", pool.low), endAt("b", pool.high)];
    const ask = async (minBps: number, opensAdjusted = false) =>
      await value(open(pool, { ksid: newKsid(), self: a, peer: b, qos: wish({ minBps }), opensAdjusted }));
    expect(await ask(11)).toMatchObject({ outcome: "qos-not-met", qos: { minBps: 9 }, stream: null });
    expect(await pool.sql(STREAMS)).toEqual([]);
    expect(await ask(7)).toMatchObject({ outcome: "opened", stream: { qos: { minBps: 7 } } });
    expect(await ask(7)).toMatchObject({ outcome: "qos-not-met", qos: { minBps: 2 } });
    expect(await ask(7, true)).toMatchObject({ outcome: "qos-not-met", stream: { qos: { minBps: 2 } } });
    expect(await ask(2)).toMatchObject({ outcome: "qos-not-met", qos: { minBps: 0 } });
    await pool.evict();
    expect(await ask(2)).toMatchObject({ outcome: "qos-not-met", qos: { minBps: 0 } });
  });

  test("is free again when either end closes", async () => {
    const pool = await stocked();
    const [a, b] = await openBoth(pool, { qos: { minBps: 10 } });
    const again = { self: endAt("c", pool.low), peer: endAt("d", pool.high), qos: wish({ minBps: 10 }) };
    expect(await value(open(pool, { ksid: newKsid(), ...again }))).toMatchObject({ outcome: "qos-not-met" });
    await b.close();
    expect(await value(open(pool, { ksid: newKsid(), ...again }))).toMatchObject({ outcome: "opened" });
    await a.close();
    expect(await value(open(pool, { ksid: newKsid(), ...again }))).toMatchObject({ outcome: "qos-not-met" });
  });

  test("a simulated link promises its rate before anything has come in", async () => {
    const pool = await makeStreamPool({ bytes: 0, source: "simulated", keyRateBps: 1000, policy: {} });
    const call = { ksid: newKsid(), self: endAt("a", pool.low), peer: endAt("b", pool.high) };
    expect(await value(open(pool, { ...call, qos: wish({ minBps: 1000 }) }))).toMatchObject({ outcome: "opened" });
  });
});

test("hostile opens are refused, and change nothing", async () => {
  const pool = await makeStreamPool();
  const [self, peer] = [endAt("a", pool.low), endAt("b", pool.high)];
  const good = { ksid: newKsid(), self, peer };
  const bad = [
    { ...good, ksid: good.ksid.toUpperCase() as never },
    { ...good, peer: { ...self } },
    { ...good, peer: endAt("a", pool.high) },
    { ...good, peer: endAt("b", "elsewhere" as never) },
    { ...good, self: endAt("", pool.low) },
    { ...good, qos: { ...NO_WISHES, chunkBytes: -1 } },
    { ...good, qos: { ...NO_WISHES, ttlSeconds: Number.NaN } },
    { ...good, qos: { ...NO_WISHES, metadataMimetype: "x".repeat(300) } },
  ];
  for (const call of bad) expect(await code(open(pool, call)), JSON.stringify(call)).toBe("bad-request");
  expect(await value(open(pool, { ...good, qos: wish({ chunkBytes: 2 ** 32 - 1 }) }))).toMatchObject({
    outcome: "qos-not-met",
    qos: { chunkBytes: 4096 / 8 },
    stream: null,
  });
  expect(await pool.sql(STREAMS)).toEqual([]);
});
