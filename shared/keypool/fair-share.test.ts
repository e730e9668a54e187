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
    if (!this.#share.mayTake(String(who), this.availableBits, this.nowMs)) return false;
    this.#share.took(String(who), bits, this.nowMs);
    this.availableBits -= bits;
    this.taken[who] = (this.taken[who] ?? 0) + bits;
    return true;
  }
}

/** Numbers that look random, the same for the same seed. */
function* drawn(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    yield state >>> 8;
  }
}

/** All are there from the beginning; then they ask, `asks` at a time, until nobody is served any more. */
function drain(run: Run, takers: number, asks: (numbers: Generator<number, never>) => readonly number[], seed: number) {
  for (let who = 0; who < takers; who++) run.ask(who);
  const numbers = drawn(seed);
  for (let served = true; served;) {
    served = false;
    for (const who of asks(numbers)) if (run.ask(who)) served = true;
  }
}

const each = (takers: number) => [...Array(takers).keys()];
/** Each once, in any order. */
const inTurns = (takers: number) => (numbers: Generator<number, never>) =>
  each(takers)
    .map((who) => [numbers.next().value, who] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, who]) => who);
/** Some of them much more often than others. */
const asTheyLike = (takers: number) => (numbers: Generator<number, never>) => [
  ...Array.from({ length: takers * 5 }, () => Math.min(numbers.next().value % takers, numbers.next().value % takers)),
  ...inTurns(takers)(numbers),
];

const takerCounts = fc.integer({ min: 2, max: 8 });
const bits = fc.integer({ min: 1, max: 50 });
const material = fc.nat(5000);
const runs = { numRuns: 500 };

test("a lone principal gets everything, to the last bit", () => {
  fc.assert(
    fc.property(bits, material, (size, available) => {
      const run = new Run([size], available);
      while (run.ask(0));
      expect(run.availableBits).toBe(available % size);
    }),
  );
});

test("those who ask in turns each get within one request of an equal part, in whatever order they ask", () => {
  fc.assert(
    fc.property(takerCounts, bits, material, fc.nat(), (takers, size, available, seed) => {
      const run = new Run(Array<number>(takers).fill(size), available);
      drain(run, takers, inTurns(takers), seed);
      expect(run.availableBits).toBeLessThan(size);
      for (const taken of run.taken) expect(Math.abs(taken - available / takers)).toBeLessThanOrEqual(size);
    }),
    runs,
  );
});

test("who asks more often, or for more, gets no more than one request beyond an equal part", () => {
  fc.assert(
    fc.property(fc.array(bits, { minLength: 2, maxLength: 8 }), material, fc.nat(), (sizes, available, seed) => {
      const run = new Run(sizes, available);
      drain(run, sizes.length, asTheyLike(sizes.length), seed);
      expect(run.availableBits).toBeLessThan(Math.max(...sizes));
      run.taken.forEach((taken, who) => expect(taken).toBeLessThan(available / sizes.length + (sizes[who] ?? 0)));
    }),
    runs,
  );
});

test("a newcomer catches up on who has drained the pool before it", () => {
  const run = new Run([10, 10], 1000);
  while (run.ask(0));
  run.availableBits = 200;
  expect([run.ask(0), run.ask(1)]).toEqual([true, true]);
  drain(run, 2, inTurns(2), 1);
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
  expect(share.mayTake("a", 1, 0)).toBe(true); // forgotten: it is a newcomer
  expect(share.mayTake("c", 1, 0)).toBe(false);
});
