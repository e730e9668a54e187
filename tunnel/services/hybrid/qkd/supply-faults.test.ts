import { expect, test } from "vitest";
import { LIMITS } from "../../../../shared/limits.ts";
import { FAKE_CHUNKS, fakeKey, type FakeStreams, jsonAnswer } from "../../../../test/support/fake-streams.ts";
import {
  TO_B,
  TO_A,
  clock,
  SLOW_MS,
  soon,
  pair,
  value,
  error,
  at,
  numbersOf,
  batches,
  opened,
  isKey,
  held,
  answered,
  status,
  begun,
} from "../../../../test/support/qkd-supplies.ts";

const keysAnswer = (ksid: string, indexes: readonly number[]) => ({
  status: 0,
  indexes,
  keys: indexes.map((index) => fakeKey(ksid, index).toString("base64")),
});

test("too little for a batch: what is wanted alone; then none: no QKD key, and the numbers are given later", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  answered(edge, (numbers) => (numbers.length > 1 ? status(6) : null));
  for (let quick = 1; quick < 4; quick++) expect(value(await a.allocate(TO_B, 1, soon())).number).toBe(quick);
  answered(edge, () => status(2));
  const none = await Promise.all([1, 2, 3].map(() => a.allocate(TO_B, 1, soon())));
  expect(none.map(error)).toEqual(["no QKD key", "no QKD key", "no QKD key"]);
  expect(error(await b.take(TO_A, at(first, 3), 1, soon()))).toBe("no QKD key");
  edge.intercept = () => null;
  expect(value(await a.allocate(TO_B, 1, soon()))).toEqual(at(first, 4));
  expect(isKey(value(await b.take(TO_A, at(first, 3), 1, soon())), at(first, 3))).toBe(true);
  expect(opened(edge).length).toBe(2);
});

test("one of two that wait for key asks for what is gone: the other has its own", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  await a.allocate(TO_B, 8, soon());
  const first_ = held();
  answered(edge, (numbers) => {
    if (numbers.includes(5)) return status(2);
    first_.asked();
    return numbers.includes(1) ? first_.promise.then(() => jsonAnswer(200, keysAnswer(first.ksid, numbers))) : null;
  });
  const one = b.take(TO_A, at(first, 1), 1, soon());
  await first_.isAsked;
  const [gone, other] = [b.take(TO_A, at(first, 5), 1, soon()), b.take(TO_A, at(first, 6), 1, soon())];
  first_.resolve(null);
  expect([isKey(value(await one), at(first, 1)), error(await gone)]).toEqual([true, "no QKD key"]);
  expect(isKey(value(await other), at(first, 6))).toBe(true);
});

test("who gives up while a call is under way: the others have its answer, and the number is still there", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  await a.allocate(TO_B, 2, soon());
  const call = held();
  answered(edge, () => {
    call.asked();
    return call.promise;
  });
  const gone = new AbortController();
  const taken = b.take(TO_A, at(first, 1), 1, gone.signal);
  const same = b.take(TO_A, at(first, 1), 1, soon());
  await call.isAsked;
  gone.abort();
  expect(error(await taken)).toBe("no QKD key in time");
  call.resolve(null);
  expect(isKey(value(await same), at(first, 1))).toBe(true);
});

test("an answer is lost: the same numbers are asked for again", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  const before = batches(edge).length;
  edge.intercept = breaking(edge, 1);
  const next = value(await a.allocate(TO_B, 1, soon()));
  expect(next).toEqual(at(first, 1));
  const [one, other] = batches(edge).slice(before);
  expect(one).toEqual(other);
});

/** So many calls for key are served, but their answers do not come. */

const breaking = (edge: FakeStreams, calls: number): FakeStreams["intercept"] => {
  let left = calls;
  return (asked) => {
    if (numbersOf(asked) === null || left === 0) return null;
    left -= 1;
    edge.breakConnections();
    return null;
  };
};

test("an answer is lost for good: another stream, whose numbers begin anew", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  const kept = value(await a.allocate(TO_B, 1, soon()));
  let calls = 0;
  const breaks = breaking(edge, 1);
  edge.intercept = (asked) => {
    if (numbersOf(asked) === null) return null;
    calls += 1;
    return calls === 1 ? breaks(asked) : asked.body.includes(first.ksid) ? status(2) : null;
  };
  const next = value(await a.allocate(TO_B, 1, soon()));
  expect([next.ksid === first.ksid, next.number]).toEqual([false, 0]);
  expect(isKey(value(await a.take(TO_B, kept, 1, soon())), kept)).toBe(true);
  expect(isKey(value(await b.take(TO_A, next, 1, soon())), next)).toBe(true);
});

test("the edge is away for long: an error, and it goes on with the stream once it is back", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  edge.intercept = breaking(edge, LIMITS.localEdgeAttempts);
  expect(error(await a.allocate(TO_B, 1, soon()))).toContain("the edge gives no QKD key");
  edge.intercept = () => null;
  expect(value(await a.allocate(TO_B, 1, soon()))).toEqual(at(first, 1));
});

test("the edge has closed the stream: a new one is opened; numbers of the old one are an error at both ends", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  const kept = value(await a.allocate(TO_B, 1, soon()));
  edge.forget(first.ksid);
  const next = value(await a.allocate(TO_B, 1, soon()));
  expect([next.ksid === first.ksid, next.number]).toEqual([false, 0]);
  expect(error(await a.take(TO_B, kept, 1, soon()))).toBe("the edge has closed the QKD stream");
  expect(error(await b.take(TO_A, at(first, 1), 1, soon()))).toBe("the edge has closed the QKD stream");
  expect(isKey(value(await b.take(TO_A, next, 1, soon())), next)).toBe(true);
});

test("the SAE is revoked: an error, and a new stream once it may again", async () => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  edge.intercept = () => jsonAnswer(401, { message: "revoked" });
  expect(error(await a.allocate(TO_B, 1, soon()))).toBe("the edge opens no QKD stream: revoked");
  edge.intercept = () => null;
  expect(value(await a.allocate(TO_B, 1, soon())).ksid).not.toBe(first.ksid);
});

test("an edge that is busy is asked again, whatever status it tells qkd-module's clients", async () => {
  const { edge, a, b } = await pair();
  await begun(a, b);
  let calls = 0;
  const busy = { ...status(4), headers: { "content-type": "application/json", "retry-after": "0" } };
  answered(edge, () => (calls++ === 0 ? busy : null));
  expect(value(await a.allocate(TO_B, 1, soon())).number).toBe(1);
  answered(edge, () => status(4));
  clock.nowMs += SLOW_MS;
  const outcomes = [await a.allocate(TO_B, 40, soon())];
  expect(outcomes.map(error)).toEqual(["the edge gives no QKD key: status 4"]);
});

test.each([
  ["other indexes", { status: 0, indexes: [7], keys: [fakeKey("x", 7).toString("base64")] }],
  ["fewer keys", { status: 0, indexes: [1], keys: [] }],
  ["short keys", { status: 0, indexes: [1], keys: ["AAAA"] }],
])("an edge that answers with %s: nothing of it is used", async (_, body) => {
  const { edge, a, b } = await pair();
  const first = await begun(a, b);
  await a.allocate(TO_B, 1, soon());
  answered(edge, () => jsonAnswer(200, body));
  expect((await b.take(TO_A, at(first, 1), 1, soon())).ok).toBe(false);
});

test("a stream that cannot be opened or joined: why, and the next call tries again", async () => {
  const { edge, a, b } = await pair();
  edge.intercept = () => status(4);
  const tries = await Promise.all([a.allocate(TO_B, 1, soon()), a.allocate(TO_B, 1, soon())]);
  expect(tries.map(error)).toEqual(Array(2).fill("the edge opens no QKD stream: as the test says"));
  expect(opened(edge).length).toBe(1);
  edge.intercept = () => null;
  const first = value(await a.allocate(TO_B, 1, soon()));
  edge.intercept = ({ path }) => (path === "/api/v1/streams" ? status(6) : null);
  expect(error(await b.take(TO_A, first, 1, soon()))).toContain("opens no QKD stream");
  edge.intercept = () => null;
  expect(isKey(value(await b.take(TO_A, first, 1, soon())), first)).toBe(true);
});

test("the stream has no more chunks: no QKD key", async () => {
  const { a } = await pair();
  const first = value(await a.allocate(TO_B, FAKE_CHUNKS, soon()));
  expect(isKey(value(await a.take(TO_B, first, FAKE_CHUNKS, soon())), first, FAKE_CHUNKS)).toBe(true);
  expect(error(await a.allocate(TO_B, 1, soon()))).toBe("no QKD key");
});
