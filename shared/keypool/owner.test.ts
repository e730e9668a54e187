import { expect, test } from "vitest";
import { type NodeId, pairOf } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { ownerOfUnit, unitOffsetOf } from "./owner.ts";

const pair = pairOf("n-2" as NodeId, "n-1" as NodeId);
const { unitBytes } = LIMITS;

test("even units are the lower node's, odd ones the other's, wherever in its block a unit lies", () => {
  const offsets = Array.from({ length: 256 }, (_, index) => index * unitBytes);
  expect(offsets.map((offset) => ownerOfUnit(pair, offset))).toEqual(
    offsets.map((_, index) => (index % 2 === 0 ? "n-1" : "n-2")),
  );
});

test("every byte of a unit leads to its first one", () => {
  for (const [offset, first] of [
    [0, 0],
    [unitBytes - 1, 0],
    [unitBytes, unitBytes],
    [3 * unitBytes + 17, 3 * unitBytes],
  ] as const) {
    expect(unitOffsetOf(offset)).toBe(first);
  }
});
