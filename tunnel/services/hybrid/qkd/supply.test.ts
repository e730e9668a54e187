import { expect, test } from "vitest";
import { LIMITS } from "../../../../shared/limits.ts";
import {
  A,
  B,
  TO_B,
  TO_A,
  clock,
  SLOW_MS,
  soon,
  pair,
  value,
  error,
  at,
  isGetKey,
  isClose,
  batches,
  opened,
  isKey,
  held,
  answered,
  status,
  begun,
} from "../../../../test/support/qkd-supplies.ts";
import type { QkdPeer } from "./types.ts";

test("one stream: the KSID is the edge's, who joins names it; both ends have the same bytes, each number once", async () => {
  const { edge, a, b } = await pair();
  const first = value(await a.allocate(TO_B, 3, soon()));
  expect(first.number).toBe(0);
  const [ours, theirs] = await Promise.all([a.take(TO_B, first, 3, soon()), b.take(TO_A, first, 3, soon())]);
  expect([isKey(value(ours), first, 3), isKey(value(theirs), first, 3)]).toEqual([true, true]);
  for (const again of [await a.take(TO_B, first, 1, soon()), await b.take(TO_A, at(first, 2), 1, soon())]) {
    expect(error(again)).toContain("fetched before");
  }
  const second = value(await a.allocate(TO_B, 1, soon()));
  expect(second).toEqual(at(first, 3));
  expect(opened(edge).map(({ body, headers }) => [headers["qkd-sae"], JSON.parse(body)])).toEqual([
    ["sae-a", expect.not.objectContaining({ key_stream_ID: expect.anything() as string })],
    ["sae-c", expect.objectContaining({ key_stream_ID: first.ksid })],
  ]);
  expect(JSON.parse(opened(edge)[0]?.body ?? "")).toMatchObject({
    binding: "qkd-module",
    source: `qkd://sae-a@${A.uuid}`,
    destination: `qkd://sae-c@${B.uuid}`,
    QOS: { Key_chunk_size: 32 },
  });
});

test("before the peer has joined numbers are given without asking for key; then it is waited for", async () => {
  const { edge, a } = await pair();
  let isJoined = false;
  answered(edge, () => (isJoined ? null : status(3)));
  const first = value(await a.allocate(TO_B, 1, soon()));
  const second = value(await a.allocate(TO_B, LIMITS.streamAheadChunks - 1, soon()));
  expect([second.number, batches(edge)]).toEqual([1, []]);
  const third = a.allocate(TO_B, 1, soon());
  await edge.seen(isGetKey);
  const taken = a.take(TO_B, first, 1, soon());
  await edge.seen(isGetKey, 2);
  isJoined = true;
  expect(isKey(value(await taken), first)).toBe(true);
  expect(value(await third).number).toBe(LIMITS.streamAheadChunks);
});

test("the peer never joins: the signal ends it, and nothing is asked for any more", async () => {
  const { edge, a } = await pair();
  answered(edge, () => status(3));
  const first = value(await a.allocate(TO_B, 1, soon()));
  const gone = new AbortController();
  const taken = a.take(TO_B, first, 1, gone.signal);
  await edge.seen(isGetKey);
  gone.abort();
  expect(error(await taken)).toBe("no QKD key in time");
  expect(error(await a.take(TO_B, first, 1, AbortSignal.abort()))).toBe("no QKD key in time");
});

test("who calls quickly gets ever more in one call; slow calls get one", async () => {
  const { edge, a, b } = await pair();
  await begun(a, b);
  for (let slow = 0; slow < 3; slow++) {
    clock.nowMs += SLOW_MS;
    await a.allocate(TO_B, 1, soon());
  }
  expect(batches(edge).every((batch) => batch.length === 1)).toBe(true);
  const before = batches(edge).length;
  const QUICK = 300;
  for (let quick = 0; quick < QUICK; quick++) {
    const next = value(await a.allocate(TO_B, 1, soon()));
    expect(isKey(value(await a.take(TO_B, next, 1, soon())), next)).toBe(true);
    expect(isKey(value(await b.take(TO_A, next, 1, soon())), next)).toBe(true);
  }
  const quickly = batches(edge).slice(before);
  expect(Math.max(...quickly.map((batch) => batch.length))).toBe(LIMITS.hybridQkdBatch);
  expect(quickly.length).toBeLessThan(QUICK / 4);
});

test("for who calls quickly key is there before it is asked for; nobody goes before one that came earlier", async () => {
  const { edge, a, b } = await pair();
  await begun(a, b);
  const call = held();
  answered(edge, (numbers) => {
    if (!numbers.includes(4)) return null;
    call.asked();
    return call.promise;
  });
  for (const number of [1, 2]) expect(value(await a.allocate(TO_B, 1, soon())).number).toBe(number);
  // Nobody wants number 4.
  await call.isAsked;
  const both = Promise.all([40, 1].map(async (count) => value(await a.allocate(TO_B, count, soon())).number));
  call.resolve(null);
  expect(await both).toEqual([3, 43]);
});

test("many at once: numbers differ, calls are few, opened once; told in any order at the other end", async () => {
  const { edge, a, b } = await pair();
  await begun(a, b);
  const MANY = 200;
  const all = await Promise.all(
    Array.from({ length: MANY }, async (_, i) => value(await a.allocate(TO_B, 1 + (i % 3), soon()))),
  );
  const ends = all.map(({ number }, i) => [number, number + 1 + (i % 3)] as const).sort(([x], [y]) => x - y);
  expect(ends.every(([from], i) => from === (i === 0 ? 1 : ends[i - 1]![1]))).toBe(true);
  const told = all.map((number, i) => ({ number, count: 1 + (i % 3), sort: (i * 7919) % MANY }));
  const theirs = await Promise.all(
    told
      .toSorted((x, y) => x.sort - y.sort)
      .map(async ({ number, count }) => isKey(value(await b.take(TO_A, number, count, soon())), number, count)),
  );
  const ours = await Promise.all(
    told.map(async ({ number, count }) => isKey(value(await a.take(TO_B, number, count, soon())), number, count)),
  );
  expect([...theirs, ...ours].every(Boolean)).toBe(true);
  expect(opened(edge).length).toBe(2);
  expect(batches(edge).length).toBeLessThan(40);
  expect(Math.max(...batches(edge).map((batch) => batch.length))).toBeLessThanOrEqual(LIMITS.streamChunksAtOnce);
});

test("told one after the other in any order: what was passed over is there", async () => {
  const { a, b } = await pair();
  const first = await begun(a, b);
  await a.allocate(TO_B, 20, soon());
  for (const number of [9, 3, 4, 20, 1, 2, 10]) {
    expect(isKey(value(await b.take(TO_A, at(first, number), 1, soon())), at(first, number))).toBe(true);
  }
});

test("more than one call may bring", async () => {
  const { edge, a, b } = await pair();
  const COUNT = 383;
  const first = value(await a.allocate(TO_B, COUNT, soon()));
  expect(isKey(value(await b.take(TO_A, first, COUNT, soon())), first, COUNT)).toBe(true);
  expect(isKey(value(await a.take(TO_B, first, COUNT, soon())), first, COUNT)).toBe(true);
  const second = value(await a.allocate(TO_B, COUNT, soon()));
  expect([second.number, isKey(value(await a.take(TO_B, second, COUNT, soon())), second, COUNT)]).toEqual([
    COUNT,
    true,
  ]);
  expect(batches(edge).length).toBeLessThanOrEqual(3 * Math.ceil(COUNT / LIMITS.streamChunksAtOnce) + 1);
  for (const count of [0, -1, 0.5, LIMITS.hybridQkdNumbers + 1]) {
    expect(error(await a.allocate(TO_B, count, soon()))).toContain("QKD numbers");
    expect(error(await b.take(TO_A, first, count, soon()))).toContain("QKD numbers");
  }
});

test("two at once want the same number: one has it", async () => {
  const { a, b } = await pair();
  const first = await begun(a, b);
  await a.allocate(TO_B, 1, soon());
  const both = await Promise.all([1, 2].map(() => b.take(TO_A, at(first, 1), 1, soon())));
  expect(both.map(({ ok }) => ok)).toEqual([true, false]);
});

test("applications, peers and directions do not mix", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  const others: QkdPeer[] = [
    { ...TO_B, own: { ...A, sae: "sae-a2" } },
    { ...TO_B, own: { ...A, node: "tn-9" } },
    { ...TO_B, peer: { ...B, sae: "sae-c2" } },
    { ...TO_B, peer: { ...B, uuid: "cccccccc-cccc-cccc-cccc-cccccccccccc" } },
  ];
  const ksids = await Promise.all(others.map(async (to) => value(await a.allocate(to, 1, soon())).ksid));
  expect(new Set([first.ksid, ...ksids]).size).toBe(5);
  const mine = value(await a.allocate(TO_B, 1, soon()));
  for (const to of others) expect(error(await a.take(to, mine, 1, soon()))).toBe("no such QKD stream");
  expect(error(await a.allocate(TO_A, 1, soon()))).toContain("cannot be promised");
  expect(error(await a.take(TO_B, { ksid: "mine", number: 0 }, 1, soon()))).toBe("no QKD numbers");
  expect(error(await a.take(TO_B, at(mine, mine.number + 1), 1, soon()))).toContain("nobody was promised");
  expect(isKey(value(await a.take(TO_B, mine, 1, soon())), mine)).toBe(true);
  expect(edge.asked.filter(({ headers }) => headers["qkd-sae"] === "sae-a2").length).toBe(1);
});

test("a peer whose application is not known yet: named by its node, and known later", async () => {
  const { edge, a } = await pair();
  const first = value(await a.allocate({ ...TO_B, peer: { ...B, sae: null } }, 1, soon()));
  expect(JSON.parse(opened(edge)[0]?.body ?? "")).toMatchObject({ destination: `qkd://${B.uuid}` });
  expect(isKey(value(await a.take(TO_B, first, 1, soon())), first)).toBe(true);
});

test("an agent that serves both ends", async () => {
  const { a } = await pair();
  const first = value(await a.allocate(TO_B, 1, soon()));
  expect(isKey(value(await a.take(TO_A, first, 1, soon())), first)).toBe(true);
  expect(isKey(value(await a.take(TO_B, first, 1, soon())), first)).toBe(true);
});

test("abandoned: what was promised can be taken, new numbers are of another stream", async () => {
  const { a, b } = await pair();
  const first = await begun(a, b);
  const kept = value(await a.allocate(TO_B, 1, soon()));
  b.abandon(TO_A, first.ksid);
  a.abandon(TO_B, first.ksid);
  const next = value(await a.allocate(TO_B, 1, soon()));
  expect(next.ksid).not.toBe(first.ksid);
  expect(isKey(value(await a.take(TO_B, kept, 1, soon())), kept)).toBe(true);
});

test("with time: what nobody comes for is dropped, and streams nobody uses are closed", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  const kept = value(await a.allocate(TO_B, 1, soon()));
  clock.nowMs += LIMITS.hybridQkdStaleMs;
  a.sweep();
  expect(error(await a.take(TO_B, kept, 1, soon()))).toContain("dropped");
  clock.nowMs += LIMITS.hybridQkdIdleMs;
  a.sweep();
  b.sweep();
  await edge.seen(isClose);
  expect(edge.asked.filter(isClose).map(({ headers }) => headers["qkd-sae"])).toEqual(["sae-a"]);
  expect(value(await a.allocate(TO_B, 1, soon())).ksid).not.toBe(first.ksid);
});

test("a peer that tells of ever more streams: those not used for longest are closed", async () => {
  const { edge, b } = await pair();
  const ksids = Array.from({ length: LIMITS.hybridQkdJoined + 3 }, () => crypto.randomUUID());
  for (const ksid of ksids) {
    clock.nowMs += 1;
    const told = { ksid, number: 0 };
    expect(isKey(value(await b.take(TO_A, told, 1, soon())), told)).toBe(true);
  }
  await edge.seen(isClose, 3);
  expect(edge.asked.filter(isClose).map(({ path }) => path.split("/")[4])).toEqual(ksids.slice(0, 3));
});

test("closing: streams are closed at the edge, who waits is told, and nothing begins any more", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  const call = held();
  answered(edge, () => {
    call.asked();
    return call.promise;
  });
  const waiting = a.allocate(TO_B, 40, soon());
  await call.isAsked;
  a.close();
  expect(error(await waiting)).toBe("the agent ends");
  expect(error(await a.take(TO_B, first, 1, soon()))).toBe("no such QKD stream");
  call.resolve(null);
  await edge.seen(isClose);
  expect(error(await a.allocate(TO_B, 1, soon()))).toBe("the agent ends");
});
