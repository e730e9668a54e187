import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../bytes/hex.ts";
import { LIMITS } from "../../limits.ts";
import { isVerified, verificationHash } from "../verification.ts";
import { CascadeAnswerer } from "./answerer.ts";
import { CascadeAsker } from "./asker.ts";
import { CascadePlan, PASSES } from "./plan.ts";
import { flipped, labelled, parametersOf, runCascade, withErrors } from "./test-runs.ts";
import { readRequest } from "./wire.ts";

const key = labelled("verification", 128);

const row = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
const entropy = (q: number) => -q * Math.log2(q) - (1 - q) * Math.log2(1 - q);

/** Whether the strings became equal, which must be what verification says. */
function isCorrected(reference: Uint8Array, result: Uint8Array, bits: number): boolean {
  const equal = toHex(result) === toHex(reference);
  expect(isVerified(result, bits, key, verificationHash(reference, bits, key))).toBe(equal);
  return equal;
}

describe("a string with errors", () => {
  const shape = fc.record({
    bits: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4000 })),
    errorRate: fc.double({ min: 0, max: 0.15, noNaN: true }),
    /** By how much the estimate is wrong. */
    factor: fc.constantFrom(0, 0.5, 1, 2),
    label: fc.string({ maxLength: 6 }),
  });

  test("becomes the reference, and else verification says no", () => {
    let [runs, corrected] = [0, 0];
    fc.assert(
      fc.property(shape, ({ bits, errorRate, factor, label }) => {
        const reference = labelled(label, bits);
        const { received, errors } = withErrors(reference, bits, errorRate, label);
        const { alice, bob } = runCascade(reference, received, parametersOf(bits, factor * errorRate, label));
        expect(bob.leakedBits).toBe(alice.leakedBits);
        runs++;
        if (!isCorrected(reference, bob.result, bits)) return;
        corrected++;
        expect(bob.correctedErrors).toBe(errors);
      }),
      { numRuns: 300 },
    );
    // A string of a few bits may keep two errors that no pass tells apart; nearly all others are corrected.
    expect(corrected / runs).toBeGreaterThan(0.9);
  });

  const bits = 20_000;
  const reference = labelled("reference", bits);
  test.each<[string, number[]]>([
    ["none", []],
    ["one at the very beginning", [0]],
    ["one at the very end", [bits - 1]],
    ["two side by side", [9000, 9001]],
    ["five hundred in a row", row(12_345, 500)],
    ["all at the end", row(bits - 400, 400)],
    ["every fiftieth", row(0, 400).map((i) => 50 * i)],
  ])("%s: corrected", (_name, errors) => {
    const { bob } = runCascade(reference, flipped(reference, errors), parametersOf(bits, 0.02));
    expect(isCorrected(reference, bob.result, bits)).toBe(true);
    expect(bob.correctedErrors).toBe(errors.length);
  });

  test("every bit wrong is even in every block: not noticed here, but by verification", () => {
    const string = labelled("opposite", 3000);
    const { bob } = runCascade(string, flipped(string, row(0, 3000)), parametersOf(3000, 0.02));
    expect(bob.correctedErrors).toBe(0);
    expect(isCorrected(string, bob.result, 3000)).toBe(false);
  });

  test.each([0.5, 1, 2])("over several frames, the estimate %d times the truth", (factor) => {
    const long = 200_003;
    const string = labelled("long", long);
    const { received, errors } = withErrors(string, long, 0.02, "long");
    const { bob } = runCascade(string, received, parametersOf(long, 0.02 * factor));
    expect(isCorrected(string, bob.result, long)).toBe(true);
    expect(bob.correctedErrors).toBe(errors);
  });
});

test("the longest block asks in messages within their bound, frames that find no room later", () => {
  const bits = LIMITS.bb84KeyBits;
  const reference = labelled("longest", bits);
  const { received, errors } = withErrors(reference, bits, 0.11, "longest");
  // Expecting more errors than there are makes for short blocks, and so for many questions.
  const parameters = parametersOf(bits, 0.25);
  const { bob, requests } = runCascade(reference, received, parameters);
  expect(isCorrected(reference, bob.result, bits)).toBe(true);
  expect(bob.correctedErrors).toBe(errors);
  const longest = requests.reduce((a, b) => (a.length > b.length ? a : b));
  expect(longest.length).toBeLessThanOrEqual(LIMITS.cascadeRequestBytes);
  const asking = new Set(readRequest(longest, new CascadePlan(parameters)).map(({ frame }) => frame));
  expect([asking.size > 32, asking.size < 64]).toEqual([true, true]);
});

describe("efficiency at 100,000 bits", () => {
  const bits = 100_000;
  // Seen over 120 runs each: on average, and at most, 0.01 more.
  test.each([
    [0.005, 1.055],
    [0.01, 1.058],
    [0.02, 1.066],
    [0.03, 1.05],
    [0.05, 1.067],
    [0.08, 1.104],
  ])("at an error rate of %d: about %d times Shannon's bound", (q, usual) => {
    const reference = labelled("efficiency", bits);
    const { received, errors } = withErrors(reference, bits, q, `efficiency ${q}`);
    const { alice, bob, requests } = runCascade(reference, received, parametersOf(bits, q));
    expect(isCorrected(reference, bob.result, bits)).toBe(true);
    const f = alice.leakedBits / (bits * entropy(errors / bits));
    expect(f).toBeGreaterThan(1);
    expect(f).toBeLessThan(usual + 0.015);
    expect(bob.roundTrips).toBe(requests.length);
    expect(bob.roundTrips).toBeLessThan(400);
    const bytes = requests.reduce((sum, request) => sum + request.length, 0);
    expect(bytes / alice.leakedBits).toBeLessThan(2);
  });
});

describe("the leak", () => {
  test.each([1, 2, 77, 5000, 150_001])("of %d bits is the distinct parities sent", (bits) => {
    const reference = labelled("leak", bits);
    const parameters = parametersOf(bits, 0.03);
    const { received } = withErrors(reference, bits, 0.03, "leak");
    const { alice, bob, requests } = runCascade(reference, received, parameters);
    const plan = new CascadePlan(parameters);
    /** Which prefix parities are known after each message, as "frame pass place". */
    const known = new Set<string>();
    let free = 0;
    for (const request of requests) {
      for (const { frame, pass, places } of readRequest(request, plan)) {
        const size = plan.sizes[pass]!;
        const tops = Array.from({ length: plan.topsOf(pass) }, (_, i) => Math.min((i + 1) * size, plan.frameBits));
        for (const place of places ?? tops) {
          // The parity of the whole frame is the same in every pass: told once.
          const name = place === plan.frameBits ? `${frame} total` : `${frame} ${pass} ${place}`;
          if (known.has(name)) free++;
          known.add(name);
        }
      }
    }
    expect(free).toBe((PASSES - 1) * plan.frames.length);
    expect(alice.leakedBits).toBe(known.size);
    expect(bob.leakedBits).toBe(known.size);
  });

  test("stops at its limit, at both ends", () => {
    const bits = 10_000;
    const reference = labelled("limit", bits);
    const { received } = withErrors(reference, bits, 0.05, "limit");
    const needed = runCascade(reference, received, parametersOf(bits, 0.05)).alice.leakedBits;
    const run = (asked: number, given: number) => () => {
      const alice = new CascadeAnswerer(reference, { ...parametersOf(bits, 0.05), leakLimitBits: given });
      const bob = new CascadeAsker(received, { ...parametersOf(bits, 0.05), leakLimitBits: asked });
      try {
        for (let request = bob.next(); request !== null; request = bob.next()) bob.take(alice.answer(request));
      } finally {
        expect(alice.leakedBits).toBeLessThanOrEqual(Math.min(asked, given));
      }
    };
    expect(run(needed, needed)).not.toThrow();
    const fault = expect.objectContaining({ name: "CascadeFault", kind: "leak-limit" });
    expect(run(needed, needed - 1)).toThrow(fault);
    expect(run(needed - 1, needed)).toThrow(fault);
    expect(run(needed, 0)).toThrow(fault);
  });
});

test("a run is the same each time, and another under another seed", () => {
  const bits = 30_000;
  const reference = labelled("again", bits);
  const { received } = withErrors(reference, bits, 0.02, "again");
  const transcript = (seed: string): string =>
    runCascade(reference, received, parametersOf(bits, 0.02, seed))
      .requests.map(toHex)
      .join(" ");
  expect(transcript("a")).toBe(transcript("a"));
  expect(transcript("a")).not.toBe(transcript("b"));
});

test("neither string given is changed, and a wiped end has forgotten its own", () => {
  const bits = 1000;
  const reference = labelled("wipe", bits);
  const received = flipped(reference, [5, 500]);
  const before = [toHex(reference), toHex(received)];
  const { alice, bob } = runCascade(reference, received, parametersOf(bits, 0.02));
  expect([toHex(reference), toHex(received)]).toEqual(before);
  alice.wipe();
  bob.wipe();
  expect(toHex(bob.result)).toMatch(/^0*$/);
  expect(toHex(alice.answer(Uint8Array.of(0, 2, 5, 1, 1, 1, 1, 1)))).toBe("00");
});
