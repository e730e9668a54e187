import { expect, test } from "vitest";
import { type Turn, Turns } from "./turns.ts";

const setUp = (maxWaiting = 10) => {
  const woken: string[] = [];
  const turns = new Turns(maxWaiting);
  const join = (name: string, priority: number, bytes = 1): Turn =>
    turns.join({ priority, bytes, wake: () => woken.push(name) }) ?? expect.fail("too many wait");
  return { turns, woken, join };
};

test("higher priority goes first, then who came first", () => {
  const { turns, woken, join } = setUp();
  const low = join("low", 0);
  const first = join("first", 5);
  const second = join("second", 5);
  expect([low, first, second].map((turn) => turns.mayGo(turn, turn.priority))).toEqual([false, true, false]);
  for (const turn of [first, second, low]) {
    turns.supplied(1);
    turns.leave(turn);
  }
  expect(woken).toEqual(["first", "second", "low"]);
  expect(turns.size).toBe(0);
});

test("who has just come goes before those of lower priority only", () => {
  const { turns, join } = setUp();
  expect(turns.mayGo(null, 0)).toBe(true);
  join("waiting", 3);
  expect([2, 3, 4].map((priority) => turns.mayGo(null, priority))).toEqual([false, false, true]);
});

test("nobody is woken past one that needs more than there is", () => {
  const { turns, woken, join } = setUp();
  join("large", 1, 100);
  join("small", 0, 1);
  turns.supplied(99);
  expect(woken).toEqual([]);
  turns.supplied(100);
  expect(woken).toEqual(["large"]);
});

test("who stands aside is waited for by nobody", () => {
  const { turns, woken, join } = setUp();
  const aside = join("aside", 9);
  const next = join("next", 1);
  aside.isAside = true;
  expect(turns.mayGo(next, 1)).toBe(true);
  turns.supplied(1);
  expect(woken).toEqual(["next"]);
  aside.isAside = false;
  expect(turns.mayGo(next, 1)).toBe(false);
});

test("no more wait than may", () => {
  const { turns, join } = setUp(1);
  join("one", 0);
  expect(turns.join({ priority: 9, bytes: 1, wake: () => {} })).toBe(null);
});
