import fc from "fast-check";
import { expect, test } from "vitest";
import { FairShare } from "./fair-share.ts";

/** A short pool and principals who want all of it, each in requests of its own size. */
class Run {
  readonly #share = new FairShare(100);
  readonly taken: number[];
  readonly #requestBits: readonly number[];
  availableBits: number;
  nowMs = 0;

  constructor(requestBits: readonly number[], availableBits: number) {
    this.#requestBits = requestBits;
    this.taken = requestBits.map(() => 0);
    this.availableBits = availableBits;
  }

  /** @returns true where it was served */
  ask(who: number, bits = this.#requestBits[who] ?? 1): boolean {
    if (bits > this.availableBits) {
      this.#share.unserved(String(who), this.nowMs);
      return false;
    }
    if (!this.#share.mayTake(String(who), bits, this.availableBits, this.nowMs)) return false;
    this.#share.took(String(who), bits, this.nowMs);
    this.availableBits -= bits;
    this.taken[who] = (this.taken[who] ?? 0) + bits;
    return true;
  }
}

/** Everybody asks, time and again, in an order drawn from `seed`, until nobody is served any more. */
function drain(run: Run, takers: number, seed: number): void {
  let drawn = seed;
  const next = () => (drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) >>> 0) >>> 8;
  for (let round = 0, served = true; served; round++) {
    served = false;
    const asks = [...Array(takers).keys(), ...Array.from({ length: takers * 3 }, () => next() % takers)];
    const from = next() % asks.length;
    for (const who of [...asks.slice(from), ...asks.slice(0, from)]) if (run.ask(who)) served = true;
  }
}

const bits = fc.integer({ min: 1, max: 50 });
const seeds = fc.nat();

test("a lone principal gets everything, to the last bit", () => {
  fc.assert(
    fc.property(bits, fc.nat(5000), (size, available) => {
      const run = new Run([size], available);
      while (run.ask(0));
      expect(run.availableBits).toBe(available % size);
    }),
  );
});

test("of those who ask for the same each gets within one request of an equal part, in whatever order they ask", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), bits, fc.nat(5000), seeds, (takers, size, available, seed) => {
      const run = new Run(Array.from({ length: takers }, () => size), available);
      for (let who = 0; who < takers; who++) run.ask(who); // all are there from the beginning
      drain(run, takers, seed);
      expect(run.availableBits).toBeLessThan(size);
      for (const taken of run.taken) expect(Math.abs(taken - available / takers)).toBeLessThanOrEqual(size);
    }),
    { numRuns: 500 },
  );
});

test("of those who ask for different sizes none gets ahead of another by more than two of the largest requests", () => {
  fc.assert(
    fc.property(fc.array(bits, { minLength: 2, maxLength: 8 }), fc.nat(5000), seeds, (sizes, available, seed) => {
      const run = new Run(sizes, available);
      for (let who = 0; who < sizes.length; who++) run.ask(who);
      drain(run, sizes.length, seed);
      const largest = Math.max(...sizes);
      // What is left may be kept for one that cannot be served with it yet.
      expect(run.availableBits).toBeLessThan(largest);
      expect(Math.max(...run.taken) - Math.min(...run.taken)).toBeLessThanOrEqual(2 * largest);
    }),
    { numRuns: 500 },
  );
});

test("a newcomer catches up on who has drained the pool before it", () => {
  const run = new Run([10, 10], 1000);
  while (run.ask(0));
  run.availableBits = 200;
  expect([run.ask(0), run.ask(1)]).toEqual([true, true]);
  drain(run, 2, 1);
  expect(run.taken).toEqual([1010, 190]);
});

test("what comes in is kept for one who asks for more than there is, while it asks", () => {
  const run = new Run([10, 100], 500);
  while (run.ask(0));
  expect(run.ask(1)).toBe(false);
  for (let second = 1; second <= 10; second++) {
    run.nowMs = second * 1000;
    run.availableBits += 10;
    expect(run.ask(0)).toBe(false);
    expect(run.ask(1)).toBe(second === 10);
  }
  run.availableBits += 10;
  run.nowMs += 3000;
  expect(run.ask(0)).toBe(true); // the other asks no more
});

test("who is told to wait is not waited for until it asks again", () => {
  const run = new Run([10, 10], 100);
  run.ask(1);
  while (run.ask(0));
  expect(run.taken).toEqual([50, 10]);
  while (run.ask(1));
  expect([run.taken, run.availableBits]).toEqual([[50, 50], 0]);
});

test("the number of principals it remembers is bounded", () => {
  const share = new FairShare(2);
  for (const who of ["a", "b", "c"]) share.took(who, 100, 0);
  expect(share.mayTake("a", 1, 1, 0)).toBe(true); // forgotten: it is a newcomer
  expect(share.mayTake("c", 1, 1, 0)).toBe(false);
});
