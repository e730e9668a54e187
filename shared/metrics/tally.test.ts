import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { BUCKETS_S, isError, quantileSeconds, requestsOf, sumOf, type Tally, TallyBook } from "./tally.ts";

interface Request {
  readonly operation: string;
  readonly status: number;
  readonly seconds: number;
}
const requests = fc.array(
  fc.record<Request>({
    operation: fc.constantFrom("getStatus", "postEncKeys", "none"),
    status: fc.constantFrom(101, 200, 401, 404, 500, 503),
    seconds: fc.double({ min: 0, max: 60, noNaN: true }),
  }),
);

function tallyOf(all: readonly Request[]): Tally {
  const book = new TallyBook();
  for (const { operation, status, seconds } of all) book.count(operation, status, seconds);
  return book.take();
}

test("nothing is lost or counted twice, however requests are spread over reports", () => {
  fc.assert(
    fc.property(requests, fc.nat(20), (all, at) => {
      const sum = sumOf([sumOf([tallyOf(all.slice(0, at))]), tallyOf(all.slice(at))]);
      for (const [operation, tally] of Object.entries(sum)) {
        const own = all.filter((each) => each.operation === operation);
        expect(requestsOf(tally)).toBe(own.length);
        expect(requestsOf(tally, isError)).toBe(own.filter(({ status }) => status >= 500).length);
        expect(tally.buckets.reduce((total, count) => total + count, 0)).toBe(own.length);
        expect(tally.sumSeconds).toBeCloseTo(own.reduce((total, { seconds }) => total + seconds, 0));
      }
      expect(new Set(Object.keys(sum))).toEqual(new Set(all.map(({ operation }) => operation)));
    }),
  );
});

test("a book is empty once it has been taken", () => {
  const book = new TallyBook();
  expect(book.isEmpty).toBe(true);
  book.count("getStatus", 200, 0.1);
  expect(book.isEmpty).toBe(false);
  expect(requestsOf(book.take()["getStatus"] ?? { codes: {}, buckets: [], sumSeconds: 0 })).toBe(1);
  expect([book.isEmpty, book.take()]).toEqual([true, {}]);
});

test("a percentile lies in the bucket in which it is", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 29, noNaN: true }), { minLength: 1 }),
      fc.constantFrom(0.5, 0.99),
      (all, share) => {
        const tally = tallyOf(all.map((seconds) => ({ operation: "x", status: 200, seconds })))["x"];
        const exact = all.toSorted((a, b) => a - b)[Math.ceil(all.length * share) - 1] ?? Number.NaN;
        const told = tally === undefined ? null : quantileSeconds(tally, share);
        const upper = BUCKETS_S.find((bound) => exact <= bound) ?? Infinity;
        const lower = BUCKETS_S.findLast((bound) => bound < exact) ?? 0;
        expect(told).toBeGreaterThanOrEqual(lower);
        expect(told).toBeLessThanOrEqual(upper);
      },
    ),
  );
});

test("there is none of no requests, and beyond the last bound it is the last bound", () => {
  expect(quantileSeconds({ codes: {}, buckets: [], sumSeconds: 0 }, 0.5)).toBeNull();
  const slow = tallyOf([{ operation: "x", status: 200, seconds: 1000 }])["x"];
  expect(slow && quantileSeconds(slow, 0.5)).toBe(30);
});

const one = (codes: Record<string, number>) => ({ codes, buckets: [1], sumSeconds: 1 });

test("whatever is reported, what is kept is bounded, and what was kept goes on", () => {
  const many = Object.fromEntries(
    Array.from({ length: 2 * LIMITS.tallyOperations }, (_, n) => [`x${n}`, one({ 200: 1 })]),
  );
  const kept = sumOf([{ old: one({ 200: 1 }) }, many]);
  expect(Object.keys(kept)).toHaveLength(LIMITS.tallyOperations);
  expect(sumOf([kept, { old: one({ 200: 1 }) }])["old"]?.codes).toEqual({ 200: 2 });
  const codes = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [String(n), 1]));
  const ofCodes = sumOf([{ x: one({ 200: 1 }) }, { x: one(codes) }])["x"]?.codes ?? {};
  expect(Object.keys(ofCodes)).toHaveLength(LIMITS.tallyCodes);
  expect(ofCodes["200"]).toBe(2);
});
