import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../limits.ts";
import { permutation } from "./permutation.ts";
import { CascadePlan } from "./plan.ts";
import { labelled, parametersOf } from "./test-runs.ts";

const seed = labelled("permutation", 256);

const startOf = (pass: number, bits: number, from = seed) => permutation(from, pass, bits).slice(0, 20).join();

/** By the text of permutation.ts, with OpenSSL's ChaCha20, whose 16-byte IV is the counter (little-endian) and the nonce. */
function byTheText(pass: number, bits: number) {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(pass, 4);
  iv.writeUInt32BE(bits, 8);
  const stream = createCipheriv("chacha20", seed, iv).update(Buffer.alloc(16 * bits + 64));
  const order = Array.from({ length: bits }, (_, i) => i);
  let [read, skipped] = [0, 0];
  for (let i = bits - 1; i > 0; i--) {
    const fair = Math.floor(2 ** 32 / (i + 1)) * (i + 1);
    let word = stream.readUInt32LE(read);
    for (; word >= fair; skipped++) word = stream.readUInt32LE((read += 4));
    read += 4;
    const j = word % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return { order, skipped };
}

describe("permutations", () => {
  test.each([1, 2, 3, 257, 5000, 50_000, 65_536])("of %d bits are as the text has them", (bits) => {
    for (const pass of [1, 2, 9])
      expect(Array.from(permutation(seed, pass, bits))).toEqual(byTheText(pass, bits).order);
  });

  test("words that would favour some places are skipped", () => {
    // One in 130,000 words at most: passes of this seed in which it happens.
    for (const pass of [8, 30]) {
      const { order, skipped } = byTheText(pass, 65_536);
      expect(skipped).toBeGreaterThan(0);
      expect(Array.from(permutation(seed, pass, 65_536))).toEqual(order);
    }
  });

  test("pass 0 leaves the order", () => {
    expect(Array.from(permutation(seed, 0, 5))).toEqual([0, 1, 2, 3, 4]);
  });

  test("differ by pass, length and seed", () => {
    const all = [startOf(1, 1000), startOf(2, 1000), startOf(1, 1001), startOf(1, 1000, labelled("other", 256))];
    expect(new Set(all).size).toBe(all.length);
  });

  test("all orders of three are as likely", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = permutation(labelled(`fair ${i}`, 256), 1, 3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    // 1000 each, standard deviation 29; the seeds are fixed.
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  test("the inverse brings every bit back", () => {
    const plan = new CascadePlan(parametersOf(70_000, 0.01));
    for (const pass of [0, 1, 9]) {
      const [forward, inverse] = [plan.forward(pass), plan.inverse(pass)];
      expect(forward.every((bit, place) => inverse[bit] === place)).toBe(true);
    }
  });
});

describe("block sizes", () => {
  test.each([
    [0.005, 128],
    [0.01, 64],
    [0.02, 32],
    [0.03, 32],
    [0.05, 16],
    [0.08, 8],
    [0.11, 8],
  ])("at an error rate of %d begin with %d", (errorRate, first) => {
    const half = 25_000;
    expect(new CascadePlan(parametersOf(100_000, errorRate)).sizes).toEqual([
      first,
      4 * first,
      16 * first,
      ...Array<number>(7).fill(half),
    ]);
  });

  test("are at most half a frame", () => {
    expect(new CascadePlan(parametersOf(1000, 0)).sizes).toEqual(Array(10).fill(500));
    expect(new CascadePlan(parametersOf(1, 0.01)).sizes).toEqual(Array(10).fill(1));
    expect(new CascadePlan(parametersOf(1001, 0.001)).sizes.slice(0, 3)).toEqual([501, 501, 501]);
  });
});

test.each([1, 65_536, 65_537, 1_000_000, 4_194_304])(
  "frames of %d bits are as long as each other, and cover it",
  (bits) => {
    const { frames, frameBits } = new CascadePlan(parametersOf(bits, 0.01));
    expect(frameBits).toBeLessThanOrEqual(65_536);
    let next = 0;
    for (const frame of frames) {
      expect(frame.fromBit).toBe(next);
      expect(frameBits - frame.bits).toBeLessThan(frames.length);
      next += frame.bits;
    }
    expect(next).toBe(bits);
  },
);

test.each([
  ["no bits", { bits: 0 }],
  ["half a bit", { bits: 0.5 }],
  ["too many bits", { bits: LIMITS.bb84KeyBits + 1 }],
  ["no number for a rate", { errorRate: Number.NaN }],
  ["a rate above a half", { errorRate: 0.51 }],
  ["a short seed", { seed: new Uint8Array(16) }],
  ["a negative limit", { leakLimitBits: -1 }],
])("%s: refused", (_name, wrong) => {
  expect(() => new CascadePlan({ ...parametersOf(100, 0.01), ...wrong })).toThrow(RangeError);
});
