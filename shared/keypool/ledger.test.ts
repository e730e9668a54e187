import fc from "fast-check";
import { expect, test } from "vitest";
import { EMPTY_LEDGER, enterBits, moveBits, sumOfLedger } from "./ledger.ts";
import { BIT_STATES } from "./types.ts";

test("moves conserve the sum, and never below zero", () => {
  const state = fc.constantFrom(...BIT_STATES);
  fc.assert(
    fc.property(fc.array(fc.tuple(state, state, fc.nat(1000)), { maxLength: 100 }), (moves) => {
      let ledger = enterBits(EMPTY_LEDGER, "available", 5000);
      for (const [from, to, bits] of moves) {
        if (ledger[from] < bits) expect(() => moveBits(ledger, from, to, bits)).toThrow(RangeError);
        else ledger = moveBits(ledger, from, to, bits);
        expect(sumOfLedger(ledger)).toBe(5000);
        for (const each of BIT_STATES) expect(ledger[each]).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
