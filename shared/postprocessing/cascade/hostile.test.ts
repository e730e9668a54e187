import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import { bytesFor } from "../bits.ts";
import { CascadeAnswerer } from "./answerer.ts";
import { CascadeAsker } from "./asker.ts";
import { CascadeFault, type CascadeFaultKind } from "./fault.ts";
import { labelled, parametersOf, withErrors } from "./test-runs.ts";

const bits = 100_000; // two frames of 50,000
const parameters = parametersOf(bits, 0.02);
const reference = labelled("hostile", bits);
const OPEN = 0x80;

function kindOf(act: () => unknown): CascadeFaultKind | "none" {
  try {
    act();
    return "none";
  } catch (error) {
    if (error instanceof CascadeFault) return error.kind;
    throw error;
  }
}

describe("a request that the protocol does not allow", () => {
  test.each<[string, number[], CascadeFaultKind]>([
    ["empty", [], "malformed"],
    ["a frame too far", [2, OPEN], "malformed"],
    ["a frame too far by steps", [1, OPEN, 1, OPEN], "malformed"],
    ["a frame number without end", [0xff, 0xff, 0xff, 0xff, 0xff], "malformed"],
    ["a frame number longer than need be", [0x80, 0x00, OPEN], "malformed"],
    ["a pass there is none of", [0, OPEN | 10], "malformed"],
    ["a group cut short", [0], "malformed"],
    ["a count cut short", [0, 0], "malformed"],
    ["no places", [0, 0, 0], "malformed"],
    ["more places than bytes", [0, 0, 0xff, 0xff, 0xff, 0x7f, 1], "malformed"],
    ["places cut short", [0, 0, 2, 1], "malformed"],
    ["a place twice", [0, 0, 2, 1, 0], "malformed"],
    ["the place before the first bit", [0, 0, 1, 0], "malformed"],
    ["the place after the last bit", [0, 0, 1, 0xd0, 0x86, 0x03], "malformed"],
    ["a group twice", [0, OPEN, 0, OPEN], "malformed"],
    ["groups in descending order", [0, OPEN, 0, OPEN | 1, 0, 0, 1, 5], "malformed"],
    ["a pass before its turn", [0, OPEN | 1], "out-of-order"],
    ["a pass skipped", [0, OPEN, 0, OPEN | 2], "out-of-order"],
    ["places of a pass that is not open", [0, 0, 1, 5], "out-of-order"],
    ["places of the other frame, which is not open", [0, OPEN, 1, 0, 1, 5], "out-of-order"],
  ])("%s: refused, and tells nothing", (_name, request, kind) => {
    const alice = new CascadeAnswerer(reference, parameters);
    expect(kindOf(() => alice.answer(Uint8Array.from(request)))).toBe(kind);
    expect(alice.leakedBits).toBe(0);
    expect(alice.answer(Uint8Array.of(0, OPEN)).length).toBe(bytesFor(Math.ceil(50_000 / 32)));
  });

  test("too long: refused unread", () => {
    const alice = new CascadeAnswerer(reference, parameters);
    expect(kindOf(() => alice.answer(new Uint8Array(LIMITS.cascadeRequestBytes + 1).fill(1)))).toBe("malformed");
  });

  test("a pass a second time", () => {
    const alice = new CascadeAnswerer(reference, parameters);
    alice.answer(Uint8Array.of(0, OPEN));
    const leaked = alice.leakedBits;
    expect(kindOf(() => alice.answer(Uint8Array.of(0, OPEN)))).toBe("out-of-order");
    expect(alice.leakedBits).toBe(leaked);
  });

  test("the same question again is counted again, up to the limit", () => {
    const tops = Math.ceil(50_000 / 32);
    const alice = new CascadeAnswerer(reference, { ...parameters, leakLimitBits: tops + 100 });
    alice.answer(Uint8Array.of(0, OPEN));
    for (let i = 1; i <= 100; i++) {
      alice.answer(Uint8Array.of(0, 0, 1, 5));
      expect(alice.leakedBits).toBe(tops + i);
    }
    expect(kindOf(() => alice.answer(Uint8Array.of(0, 0, 1, 5)))).toBe("leak-limit");
    expect(alice.leakedBits).toBe(tops + 100);
  });

  test("random bytes: an answer as long as counted, or a fault", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }), (requests) => {
        const alice = new CascadeAnswerer(reference.subarray(0, 25), parametersOf(200, 0.05));
        for (const request of requests) {
          const before = alice.leakedBits;
          const kind = kindOf(() => {
            expect(alice.answer(request).length).toBe(bytesFor(alice.leakedBits - before));
          });
          if (kind !== "none") expect(alice.leakedBits).toBe(before);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a reply that does not answer", () => {
  const { received } = withErrors(reference, bits, 0.02, "hostile");

  test.each([
    ["too short", (right: Uint8Array) => right.subarray(1)],
    ["too long", (right: Uint8Array) => Uint8Array.of(...right, 0)],
    ["empty", () => new Uint8Array(0)],
    [
      "with bits beyond its last",
      (right: Uint8Array) => right.map((byte, i) => (i === right.length - 1 ? byte | 1 : byte)),
    ],
  ])("%s: refused", (_name, spoil) => {
    const alice = new CascadeAnswerer(reference, parameters);
    const bob = new CascadeAsker(received, parameters);
    const right = alice.answer(bob.next()!);
    expect((2 * Math.ceil(50_000 / 32)) % 8).not.toBe(0);
    expect(kindOf(() => bob.take(spoil(right)))).toBe("malformed");
    bob.take(right);
    expect(bob.next()).not.toBeNull();
  });

  test("lies end in a fault or in another string, after no more questions than there are places", () => {
    const run = fc.record({
      n: fc.integer({ min: 1, max: 600 }),
      errorRate: fc.double({ min: 0, max: 0.3, noNaN: true }),
      /** Which of two strings each reply is about. */
      turns: fc.array(fc.nat(1), { minLength: 1, maxLength: 50 }),
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(run, ({ n, errorRate, turns }) => {
        const agreed = parametersOf(n, errorRate);
        const alices = ["one", "other"].map((label) => new CascadeAnswerer(labelled(label, n), agreed));
        const bob = new CascadeAsker(labelled("lied to", n), agreed);
        let turn = 0;
        const kind = kindOf(() => {
          for (let request = bob.next(); request !== null; request = bob.next()) {
            const asked = request;
            bob.take(alices.map((alice) => alice.answer(asked))[turns[turn++ % turns.length]!]!);
          }
        });
        seen.add(kind);
        expect(alices[0]!.leakedBits).toBeLessThanOrEqual(10 * n);
      }),
      { numRuns: 300 },
    );
    expect([...seen].sort()).toEqual(["contradiction", "none"]);
  });
});
