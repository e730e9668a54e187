import { expect, test } from "vitest";
import { metered } from "./meter.ts";
import { dollarsOf, perMillionKeys, sumOf } from "./prices.ts";

const object = (requests: number, rowsWritten: number, storedBytes = 0) => ({
  requests,
  rowsWritten,
  rowsRead: 2 * rowsWritten,
  storedBytes,
});

test("between two readings: objects that were called, new ones included", () => {
  const before = { workerRequests: 1, objects: { a: object(1, 10, 4096), idle: object(5, 50, 8192) } };
  const after = {
    workerRequests: 4,
    objects: { a: object(3, 15, 8192), idle: object(5, 50, 8192), new: object(1, 2, 4096) },
  };
  expect(metered(before, after)).toEqual({
    workerRequests: 3,
    objectRequests: 3,
    rowsWritten: 7,
    rowsRead: 14,
    storedBytes: 8192,
    objects: 2,
  });
});

test("a million of each at its list price", () => {
  const million = { workerRequests: 1e6, objectRequests: 1e6, rowsWritten: 1e6, rowsRead: 1e6, gbSeconds: 1e6 };
  const dollars = dollarsOf({ ...million, storedGb: 1 });
  expect(dollars).toEqual({
    workerRequests: 0.3,
    objectRequests: 0.15,
    rowsWritten: 1,
    rowsRead: 0.001,
    gbSeconds: 12.5,
    storedGb: 0.2,
    total: expect.closeTo(14.151, 9) as number,
  });
});

test("scaled to a million keys; an object counts with 128 MB while all run", () => {
  const usage = {
    keys: 1000,
    seconds: 2,
    workerRequests: 5,
    objectRequests: 6,
    rowsWritten: 7,
    rowsRead: 8,
    storedBytes: -4096,
    objects: 4,
  };
  const use = perMillionKeys(usage);
  expect(use).toEqual({
    workerRequests: 5000,
    objectRequests: 6000,
    rowsWritten: 7000,
    rowsRead: 8000,
    gbSeconds: expect.closeTo(1024, 9) as number,
    // Files that shrink cost nothing, and give nothing back.
    storedGb: 0,
  });
  expect(sumOf(use, use).rowsWritten).toBe(14_000);
});
