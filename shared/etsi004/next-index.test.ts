import fc from "fast-check";
import { expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { NextIndex } from "./next-index.ts";

it("is the lowest that has not been had, whatever was had by name", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 40 }), { nil: null })), (calls) => {
      const next = new NextIndex(0);
      const had = new Set<number>();
      for (const call of calls) {
        const index = call ?? next.next;
        if (call === null) expect(had.has(index)).toBe(false);
        had.add(index);
        next.had([index]);
        let lowest = 0;
        while (had.has(lowest)) lowest++;
        expect(next.next).toBe(lowest);
      }
    }),
  );
});

it("tells how many follow each other that have not been had", () => {
  const next = new NextIndex(5);
  next.had([8, 2]);
  expect([4, 5, 6, 8, 9].map((from) => next.run(from, 9))).toEqual([0, 3, 2, 0, 9]);
  expect(next.run(5, 2)).toBe(2);
});

it("gives up the oldest gap of who leaves ever more of them", () => {
  const next = new NextIndex(0);
  for (let i = 0; i <= LIMITS.streamRememberedIndices; i++) next.had([2 * i + 1]);
  expect(next.next).toBe(2);
});
