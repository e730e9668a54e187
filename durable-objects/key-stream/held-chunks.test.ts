import { expect, it } from "vitest";
import { HeldChunks } from "./held-chunks.ts";

const handed = [
  { index: 3, madeMs: 20, hops: 2 },
  { index: 4, madeMs: 10 },
];

it("tells of several chunks what holds for all of them: the oldest, and the most trusted nodes passed", () => {
  const held = new HeldChunks();
  held.hold(handed, new Uint8Array(64));
  expect([held.hops([3]), held.hops([4]), held.hops([3, 4])]).toEqual([2, 0, 2]);
  expect([held.oldestMs([3]), held.oldestMs([3, 4])]).toEqual([20, 10]);
});

it("zeroes what it gives up", () => {
  const held = new HeldChunks();
  const bytes = new Uint8Array(64).fill(7);
  held.hold(handed, bytes);
  held.given([4]);
  expect([bytes.slice(0, 32).every((byte) => byte === 7), bytes.slice(32).every((byte) => byte === 0)]).toEqual([
    true,
    true,
  ]);
});
