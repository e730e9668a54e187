/** A question that was kept and is asked again is not heard. */
import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { SeenQuestions } from "./seen-questions.ts";

test("is new once, for as long as it is fresh", () => {
  const seen = new SeenQuestions();
  expect([seen.isNew("a", 0), seen.isNew("a", 1), seen.isNew("b", 1)]).toEqual([true, false, true]);
  expect(seen.isNew("a", 2 * LIMITS.peerSkewMs - 1)).toBe(false);
  expect(seen.isNew("a", 2 * LIMITS.peerSkewMs)).toBe(true);
});

test("of too many none is taken for new", () => {
  const seen = new SeenQuestions(2);
  expect(["a", "b", "c"].map((nonce) => seen.isNew(nonce, 0))).toEqual([true, true, false]);
  expect(seen.isNew("c", 2 * LIMITS.peerSkewMs)).toBe(true);
});
