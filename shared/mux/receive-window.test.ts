import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReceiveBudget } from "./receive-budget.ts";
import { ReceiveWindow } from "./receive-window.ts";

const LIMITS = { receiveBudgetBytes: 100_000, streams: 10, floorWindowBytes: 2000 };
const WINDOW = { messageBytes: 2000, firstWindowBytes: 8000, windowBytes: 30_000 };

/** What the sender and the reader of one stream know. */
interface Modelled {
  readonly window: ReceiveWindow;
  creditBytes: number;
  unreadBytes: number;
}

const step = fc.record({
  at: fc.nat(9),
  kind: fc.constantFrom("send", "send", "read", "read", "complete", "release"),
  part: fc.double({ min: 0, max: 1, noNaN: true }),
  ms: fc.nat(30),
  slot: fc.nat(2),
});

test("the budget holds at every step, and who has read everything can always be sent more", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const budget = new ReceiveBudget(LIMITS);
      const streams = new Map<number, Modelled>();
      let nowMs = 0;
      for (const { at, kind, part, ms, slot } of steps) {
        nowMs += ms;
        const stream = streams.get(at);
        if (stream === undefined) {
          const window = new ReceiveWindow(budget, slot, WINDOW, nowMs);
          const creditBytes = window.grantFirst();
          expect(creditBytes).toBeGreaterThanOrEqual(LIMITS.floorWindowBytes);
          streams.set(at, { window, creditBytes, unreadBytes: 0 });
        } else if (kind === "send") {
          const bytes = Math.ceil(stream.creditBytes * part);
          expect(stream.window.receive(bytes)).toBe(true);
          expect(stream.window.receive(stream.creditBytes - bytes + 1)).toBe(false);
          stream.creditBytes -= bytes;
          stream.unreadBytes += bytes;
        } else if (kind === "read" && stream.unreadBytes > 0) {
          const bytes = Math.ceil(stream.unreadBytes * part);
          stream.unreadBytes -= bytes;
          stream.creditBytes += stream.window.read(bytes, nowMs, 10);
          if (stream.unreadBytes === 0) expect(stream.creditBytes).toBeGreaterThan(0);
        } else if (kind === "complete" || kind === "release") {
          if (kind === "complete") {
            stream.window.complete();
            expect(stream.window.heldBytes).toBe(stream.unreadBytes);
            expect(stream.window.read(stream.unreadBytes, nowMs, 10)).toBe(0);
          }
          stream.window.release();
          streams.delete(at);
        }
        const held = [...streams.values()].reduce((sum, { window }) => sum + window.heldBytes, 0);
        for (const each of streams.values()) expect(each.window.heldBytes).toBe(each.creditBytes + each.unreadBytes);
        expect(budget.heldBytes).toBe(held);
        expect(held).toBeLessThanOrEqual(LIMITS.receiveBudgetBytes);
      }
    }),
    { numRuns: 300 },
  );
});

test("a budget below the floors of its streams is no budget", () => {
  expect(() => new ReceiveBudget({ ...LIMITS, receiveBudgetBytes: 19_999 })).toThrow(RangeError);
});

describe("the size of the window", () => {
  const wide = { receiveBudgetBytes: 10_000_000, streams: 10, floorWindowBytes: 2000 };

  /** Reads windows of bytes, each in so many round trips of 10 ms. */
  function sizes(roundTrips: number, windows: number, rttMs: number | null = 10): number[] {
    const window = new ReceiveWindow(new ReceiveBudget(wide), 0, WINDOW, 0);
    let creditBytes = window.grantFirst();
    let nowMs = 0;
    return Array.from({ length: windows }, () => {
      nowMs += roundTrips * 10;
      for (let left = window.windowBytes; left > 0;) {
        const bytes = Math.min(left, Math.ceil(creditBytes / 2));
        window.receive(bytes);
        creditBytes += window.read(bytes, nowMs, rttMs) - bytes;
        left -= bytes;
      }
      return window.windowBytes;
    });
  }

  test("grows up to the limit where it is read within one and a half round trips, a message's time aside", () => {
    expect(sizes(1.4, 5)).toEqual([12_000, 18_000, 27_000, 30_000, 30_000]);
    expect(sizes(1.7, 4)).toEqual([12_000, 18_000, 18_000, 18_000]);
    expect(sizes(2.1, 3)).toEqual([8000, 8000, 8000]);
  });

  test("stays where no round trip was measured", () => {
    expect(sizes(0.1, 3, null)).toEqual([8000, 8000, 8000]);
  });

  test("halves, down to the first, where it takes more than three", () => {
    const window = new ReceiveWindow(new ReceiveBudget(wide), 0, WINDOW, 0);
    let creditBytes = window.grantFirst();
    let nowMs = 0;
    const read = (ms: number): number => {
      nowMs += ms;
      for (let left = window.windowBytes; left > 0;) {
        const bytes = Math.min(left, Math.ceil(creditBytes / 2));
        window.receive(bytes);
        creditBytes += window.read(bytes, nowMs, 10) - bytes;
        left -= bytes;
      }
      return window.windowBytes;
    };
    expect([read(10), read(10), read(10), read(10)]).toEqual([12_000, 18_000, 27_000, 30_000]);
    expect([read(29), read(31), read(31), read(500)]).toEqual([30_000, 15_000, 8000, 8000]);
  });
});

test("idle windows of one peer leave room for its other streams and for other peers", () => {
  const budget = new ReceiveBudget({ receiveBudgetBytes: 8_000_000, streams: 1000, floorWindowBytes: 4000 });
  const limits = { messageBytes: 65_000, firstWindowBytes: 64_000, windowBytes: 1_000_000 };
  const firstOf = (slot: number): number => new ReceiveWindow(budget, slot, limits, 0).grantFirst();
  const firsts = Array.from({ length: 500 }, () => firstOf(1));
  expect(firsts[0]).toBe(64_000);
  expect(Math.min(...firsts)).toBeGreaterThanOrEqual(4000);
  expect(budget.roomFor(1, 4000)).toBeGreaterThan(500_000);
  expect(firstOf(2)).toBe(64_000);
});

/** A stream that takes all that it is given, again and again. */
function takeAll(budget: ReceiveBudget, slot: number): number {
  let heldBytes = 0;
  for (let room = budget.roomFor(slot, 0); room > 0; room = budget.roomFor(slot, heldBytes)) {
    budget.move(slot, heldBytes, heldBytes + room);
    heldBytes += room;
  }
  return heldBytes;
}

describe("shares of the budget", () => {
  const FLOOR = 1000;
  const fresh = () => new ReceiveBudget({ receiveBudgetBytes: 110_000, streams: 10, floorWindowBytes: FLOOR });

  test("a stream leaves as much to its slot as it takes, and a slot a quarter to the others", () => {
    const budget = fresh();
    const first = takeAll(budget, 1) - FLOOR;
    expect(first).toBeGreaterThan(37_000);
    expect(first).toBeLessThanOrEqual(37_500);
    const second = takeAll(budget, 1) - FLOOR;
    expect(second).toBeGreaterThan(first * 0.45);
    for (let stream = 0; stream < 6; stream++) takeAll(budget, 1);
    expect(takeAll(budget, 2) - FLOOR).toBeGreaterThan(9000);
  });

  test("the floor is there even for a slot that holds more than its share", () => {
    const budget = fresh();
    for (let stream = 0; stream < 6; stream++) takeAll(budget, 1);
    takeAll(budget, 2);
    expect(budget.roomFor(1, 0)).toBe(FLOOR);
    expect(budget.roomFor(1, FLOOR - 1)).toBe(1);
    expect(budget.roomFor(1, FLOOR)).toBe(0);
    expect(budget.roomForFirst(1)).toBe(FLOOR);
  });
});
