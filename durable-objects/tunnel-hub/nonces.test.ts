import { expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { Nonces } from "./nonces.ts";

it("a nonce is good once, and for its time", () => {
  let nowMs = 0;
  const nonces = new Nonces(() => nowMs);
  const [first, second] = [nonces.issue(), nonces.issue()];
  expect(first).not.toBe(second);
  expect([nonces.take(first), nonces.take(first), nonces.take("never issued")]).toEqual([true, false, false]);
  nowMs = LIMITS.tunnelNonceMs;
  expect(nonces.take(second)).toBe(false);
});

it("as many are known as may be: the oldest goes, and those whose time is over make room", () => {
  let nowMs = 0;
  const nonces = new Nonces(() => nowMs);
  const issued = Array.from({ length: LIMITS.tunnelNonces + 1 }, () => nonces.issue());
  expect([0, 1, LIMITS.tunnelNonces].map((n) => nonces.take(issued[n] ?? ""))).toEqual([false, true, true]);
  nowMs = LIMITS.tunnelNonceMs / 2;
  const later = nonces.issue();
  nowMs = LIMITS.tunnelNonceMs;
  for (let n = 1; n < LIMITS.tunnelNonces; n++) nonces.issue();
  expect(nonces.take(later)).toBe(true);
});
