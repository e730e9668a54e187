import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { type Turn, Turns } from "./turns.ts";

const { streamHoldUpMs, streamHoldUpAgainMs } = LIMITS;

const setUp = (maxWaiting = 10) => {
  const woken: string[] = [];
  const turns = new Turns(maxWaiting);
  const join = (name: string, priority: number, bytes = 1, holder = name): Turn =>
    turns.join({ holder, priority, bytes, wake: () => woken.push(name) }) ?? expect.fail("too many wait");
  return { turns, woken, join };
};
const supply = (bytes: number, nowMs = 0) => ({ nowMs, has: (wanted: number) => wanted <= bytes });

test("higher priority goes first, then who came first", () => {
  const { turns, woken, join } = setUp();
  const low = join("low", 0);
  const first = join("first", 5);
  const second = join("second", 5);
  expect([low, first, second].map((turn) => turns.mayGo(turn, turn.priority, supply(1)))).toEqual([false, true, false]);
  for (const turn of [first, second, low]) {
    turns.supplied(supply(1));
    turns.leave(turn, true);
  }
  expect(woken).toEqual(["first", "second", "low"]);
  expect(turns.size).toBe(0);
});

test("who has just come goes before those of lower priority only", () => {
  const { turns, join } = setUp();
  expect(turns.mayGo(null, 0, supply(0))).toBe(true);
  join("waiting", 3);
  expect([2, 3, 4].map((priority) => turns.mayGo(null, priority, supply(0)))).toEqual([false, false, true]);
});

test("who stands aside is waited for by nobody", () => {
  const { turns, woken, join } = setUp();
  const aside = join("aside", 9);
  const next = join("next", 1);
  aside.isAside = true;
  expect(turns.mayGo(next, 1, supply(1))).toBe(true);
  turns.supplied(supply(1));
  expect(woken).toEqual(["next"]);
  aside.isAside = false;
  expect(turns.mayGo(next, 1, supply(1))).toBe(false);
});

test("no more wait than may", () => {
  const { turns, join } = setUp(1);
  join("one", 0);
  expect(turns.join({ holder: "two", priority: 9, bytes: 1, wake: () => {} })).toBe(null);
});

describe("one that needs more than there is", () => {
  test("is not overtaken for a while, then it is", () => {
    const { turns, woken, join } = setUp();
    join("large", 1, 100);
    const small = join("small", 0);
    const mayGo = (nowMs: number) => turns.mayGo(small, 0, supply(99, nowMs));
    // It begins when somebody is held up, not when it came.
    expect([5000, 5000 + streamHoldUpMs - 1].map(mayGo)).toEqual([false, false]);
    turns.supplied(supply(99, 5000 + streamHoldUpMs - 1));
    expect(woken).toEqual([]);
    expect(mayGo(5000 + streamHoldUpMs)).toBe(true);
    turns.supplied(supply(99, 5000 + streamHoldUpMs));
    expect(woken).toEqual(["small"]);
  });

  test("goes first all the same once there is enough", () => {
    const { turns, woken, join } = setUp();
    join("large", 1, 100);
    const small = join("small", 0);
    turns.mayGo(small, 0, supply(99));
    expect(turns.mayGo(small, 0, supply(100, streamHoldUpMs))).toBe(false);
    turns.supplied(supply(100, streamHoldUpMs));
    expect(woken).toEqual(["large"]);
  });

  test("cannot begin anew by asking again, nor by what is served beside it", () => {
    const { turns, join } = setUp();
    const [first, other] = [join("first", 9, 100, "greedy"), join("other", 9, 1, "greedy")];
    const mayGo = (nowMs: number) => turns.mayGo(null, 0, supply(0, nowMs));
    expect(mayGo(0)).toBe(false);
    turns.leave(first, false);
    turns.leave(other, true);
    join("again", 9, 100, "greedy");
    expect([streamHoldUpMs, streamHoldUpAgainMs - 1].map(mayGo)).toEqual([true, true]);
    expect([streamHoldUpAgainMs, streamHoldUpAgainMs + streamHoldUpMs].map(mayGo)).toEqual([false, true]);
  });

  test("begins anew once it has been served", () => {
    const { turns, join } = setUp();
    const first = join("first", 9, 100, "urgent");
    const mayGo = (nowMs: number) => turns.mayGo(null, 0, supply(0, nowMs));
    expect([0, streamHoldUpMs].map(mayGo)).toEqual([false, true]);
    turns.leave(first, true);
    join("second", 9, 100, "urgent");
    expect(mayGo(streamHoldUpMs)).toBe(false);
  });

  test("is passed where very many are", () => {
    const { turns, join } = setUp(2);
    for (const holder of ["one", "two", "three"]) {
      const turn = join(holder, 9);
      expect(turns.mayGo(null, 0, supply(0))).toBe(holder === "three");
      turns.leave(turn, false);
    }
  });
});
