import { expect, test } from "vitest";
import { LIMITS } from "../../../../shared/limits.ts";
import { NUMBER_BYTES, QkdNumbers } from "./numbers.ts";

/** Number n is made of bytes n. */
const keysOf = (numbers: readonly number[]): Uint8Array =>
  Uint8Array.from(numbers.flatMap((number) => Array.from({ length: NUMBER_BYTES }, () => number % 256)));
const put = (numbers: QkdNumbers, list: readonly number[], nowMs = 0): void => numbers.put(list, keysOf(list), nowMs);
const range = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, at) => from + at);

test("each is given once, with its own bytes", () => {
  const numbers = new QkdNumbers();
  put(numbers, [0, 1, 2]);
  expect(numbers.holds(0, 3)).toBe(true);
  expect(numbers.take(1, 2)).toEqual(keysOf([1, 2]));
  expect([numbers.isGone(0), numbers.isGone(1), numbers.isGone(2), numbers.isGone(3)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(() => numbers.take(0, 2)).toThrow(RangeError);
});

test("what was passed over can still be fetched; of too much, the highest", () => {
  const numbers = new QkdNumbers();
  put(numbers, [5]);
  expect(numbers.toFetch(0, 8, 64)).toEqual([0, 1, 2, 3, 4, 6, 7]);
  put(numbers, [1, 3]);
  expect(numbers.toFetch(0, 8, 2)).toEqual([0, 2]);
  const far = 3 * LIMITS.hybridQkdMissed;
  put(numbers, [far]);
  expect(numbers.isGone(4)).toBe(true);
  expect(numbers.toFetch(0, far + 1, far).length).toBe(LIMITS.hybridQkdMissed);
});

test("a batch: what is wanted, what comes before it, what follows", () => {
  const numbers = new QkdNumbers();
  expect(numbers.batch([], 3)).toEqual([0, 1, 2]);
  expect(numbers.batch([4], 1)).toEqual([4]);
  expect(numbers.batch([4], 3)).toEqual([2, 3, 4]);
  expect(numbers.batch([1, 2], 5)).toEqual([0, 1, 2, 3, 4]);
  put(numbers, range(0, 10));
  expect(numbers.batch([12], 4)).toEqual([10, 11, 12, 13]);
  expect(numbers.batch(range(20, 60), 8)).toEqual(range(20, 60));
  expect(numbers.batch([], 1000)).toEqual(range(10, 10 + LIMITS.streamChunksAtOnce));
});

test("what was promised is dropped after some time, what was not is not", () => {
  const numbers = new QkdNumbers();
  put(numbers, [0, 1, 2, 3], 0);
  numbers.promise(2, 100);
  numbers.dropPromised(99);
  expect(numbers.holds(0, 4)).toBe(true);
  numbers.dropPromised(100);
  expect([numbers.isGone(0), numbers.isGone(1), numbers.holds(2, 2)]).toEqual([true, true, true]);
  numbers.promise(5, 200);
  put(numbers, [4], 300);
  numbers.dropPromised(200);
  expect([numbers.isGone(3), numbers.holds(4, 1)]).toEqual([true, true]);
});

test("what is too old to be promised is skipped", () => {
  const numbers = new QkdNumbers();
  put(numbers, [0, 1], 0);
  put(numbers, [2], 50);
  expect(numbers.ahead).toBe(3);
  numbers.skipOld(49, 60);
  expect([numbers.next, numbers.ahead, numbers.isGone(1)]).toEqual([2, 1, true]);
});

test("no more is held than may be: the oldest go", () => {
  const numbers = new QkdNumbers();
  const all = range(0, LIMITS.hybridQkdNumbers + 1);
  put(numbers, all);
  expect([numbers.isGone(0), numbers.holds(1, LIMITS.hybridQkdNumbers)]).toEqual([true, true]);
  numbers.wipe();
  expect(numbers.isGone(1)).toBe(true);
});
