import { expect, test } from "vitest";
import { Inbox } from "./inbox.ts";

const ANY_AGE = Number.POSITIVE_INFINITY;
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

test("a message in any segments", () => {
  const inbox = new Inbox(4, "one");
  for (const segment of [bytes(1), bytes(), bytes(2, 3)]) {
    expect(inbox.push(segment, 0)).toBe(true);
    expect(inbox.isReady(0, ANY_AGE)).toBe(false);
  }
  expect(inbox.push(bytes(4), 0)).toBe(true);
  expect(inbox.isReady(0, ANY_AGE)).toBe(true);
  expect(inbox.take()).toEqual(bytes(1, 2, 3, 4));
  expect(inbox.isReady(0, ANY_AGE)).toBe(false);
  expect(() => inbox.take()).toThrow("nothing has come");
});

test.each([[[bytes(1, 2, 3)]], [[bytes(1, 2), bytes(3)]]])("one, and not a byte more: %j", (segments) => {
  const inbox = new Inbox(2, "one");
  expect(segments.map((segment) => inbox.push(segment, 0)).at(-1)).toBe(false);
});

test("of several only the newest, once it is there whole", () => {
  const inbox = new Inbox(2, "newest");
  expect(inbox.push(bytes(1, 2, 3, 4, 5), 0)).toBe(true);
  expect(inbox.isReady(0, ANY_AGE)).toBe(false);
  expect(inbox.push(bytes(6), 0)).toBe(true);
  expect(inbox.isReady(0, ANY_AGE)).toBe(true);
  expect(inbox.take()).toEqual(bytes(5, 6));
});

test("and that only while it is fresh, from its last byte on", () => {
  const inbox = new Inbox(2, "newest");
  inbox.push(bytes(1), 0);
  inbox.push(bytes(2), 100);
  expect(inbox.isReady(1100, 1000)).toBe(true);
  expect(inbox.isReady(1101, 1000)).toBe(false);
  inbox.push(bytes(3, 4), 2000);
  expect(inbox.isReady(2000, 1000)).toBe(true);
});
