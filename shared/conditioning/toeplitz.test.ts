import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shakeOf } from "../../test/support/openssl-shake.ts";
import { fromHex, toHex } from "../bytes/hex.ts";
import { runWithPauses, type Slices } from "./slices.ts";
import { toeplitz, toeplitzInSlices } from "./toeplitz.ts";

const bitOf = (bytes: Uint8Array, i: number): number => ((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1;
const bytesOf = (bits: number): number => Math.ceil(bits / 8);

/** Row i of the matrix times x, by the definition. */
function naiveRow(i: number, x: Uint8Array, n: number, seed: Uint8Array): number {
  let sum = 0;
  for (let j = 0; j < n; j++) sum ^= bitOf(seed, i - j + n - 1) & bitOf(x, j);
  return sum;
}

function naive(x: Uint8Array, n: number, seed: Uint8Array, m: number): Uint8Array {
  const y = new Uint8Array(bytesOf(m));
  for (let i = 0; i < m; i++) y[i >> 3]! |= naiveRow(i, x, n, seed) << (7 - (i & 7));
  return y;
}

/** Bytes from a label, with the unused bits of the last one cleared or, if not `clean`, left as they come. */
function random(label: string, bits: number, clean = true): Uint8Array {
  const bytes = shakeOf(label, bytesOf(bits));
  if (clean) bytes[bytes.length - 1]! &= 0xff << (8 * bytes.length - bits);
  return bytes;
}

const sum = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, i) => byte ^ b[i]!);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Vector {
  readonly n: number;
  readonly m: number;
  readonly seed_bits: number;
  readonly seed?: string;
  readonly input?: string;
  readonly output?: string;
  /** Large ones are told by SHAKE256 labels and SHA-256 digests. */
  readonly seed_label?: string;
  readonly input_label?: string;
  readonly seed_sha256?: string;
  readonly input_sha256?: string;
  readonly output_sha256?: string;
}
const file = join(import.meta.dirname, "../../test/vectors/toeplitz.json");
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };

describe("vectors", () => {
  const [small, large] = [vectors.filter((v) => v.seed !== undefined), vectors.filter((v) => v.seed === undefined)];
  test("are all there", () => expect([small.length, large.length]).toEqual([14, 2]));

  test.each(small)("n = $n, m = $m, input $input", ({ n, m, seed_bits, seed, input, output }) => {
    expect(seed_bits).toBe(n + m - 1);
    expect(toHex(toeplitz(fromHex(input!)!, n, fromHex(seed!)!, m))).toBe(output);
  });

  test.each(large)("n = $n, m = $m", ({ n, m, seed_bits, ...vector }) => {
    const [seed, input] = [random(vector.seed_label!, seed_bits), random(vector.input_label!, n)];
    expect([sha256(seed), sha256(input)]).toEqual([vector.seed_sha256, vector.input_sha256]);
    expect(sha256(toeplitz(input, n, seed, m))).toBe(vector.output_sha256);
  });
});

/** Both sides of every size at which the computation changes its ways: 256, 512 bits, and halves that are not full. */
const shape = fc.record({
  n: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 1600 })),
  m: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 1600 })),
  label: fc.string({ maxLength: 4 }),
});
const largeShape = fc.record({
  n: fc.integer({ min: 1, max: 90_000 }),
  m: fc.integer({ min: 1, max: 90_000 }),
  label: fc.string({ maxLength: 4 }),
});

describe("against the definition", () => {
  test("all bits of small ones, whatever lies beyond the last bit", () => {
    fc.assert(
      fc.property(shape, ({ n, m, label }) => {
        const [x, seed] = [random(`x${label}`, n, false), random(`s${label}`, n + m - 1, false)];
        expect(toHex(toeplitz(x, n, seed, m))).toBe(toHex(naive(x, n, seed, m)));
      }),
      { numRuns: 150 },
    );
  });

  test("rows here and there of large ones", () => {
    fc.assert(
      fc.property(largeShape, fc.array(fc.nat(1_000_000), { minLength: 8, maxLength: 8 }), ({ n, m, label }, picks) => {
        const [x, seed] = [random(`x${label}`, n), random(`s${label}`, n + m - 1)];
        const y = toeplitz(x, n, seed, m);
        for (const i of [0, m - 1, ...picks.map((pick) => pick % m)]) expect(bitOf(y, i)).toBe(naiveRow(i, x, n, seed));
      }),
      { numRuns: 20 },
    );
  });

  test("the largest piece of a block", () => {
    const [n, m] = [1_638_400, 1_310_592];
    const [x, seed] = [random("largest x", n), random("largest seed", n + m - 1)];
    const y = toeplitz(x, n, seed, m);
    for (const i of [0, 1, 65_535, 65_536, 524_288, 1_048_575, 1_048_576, 1_234_567, m - 1]) {
      expect(bitOf(y, i)).toBe(naiveRow(i, x, n, seed));
    }
  });

  test("a single 1 yields its column of the matrix", () => {
    fc.assert(
      fc.property(largeShape, fc.nat(1_000_000), ({ n, m, label }, pick) => {
        const j = pick % n;
        const seed = random(label, n + m - 1);
        const unit = new Uint8Array(bytesOf(n));
        unit[j >> 3] = 0x80 >> (j & 7);
        const column = new Uint8Array(bytesOf(m));
        for (let i = 0; i < m; i++) column[i >> 3]! |= bitOf(seed, n - 1 - j + i) << (7 - (i & 7));
        expect(toHex(toeplitz(unit, n, seed, m))).toBe(toHex(column));
      }),
      { numRuns: 30 },
    );
  });

  test("sums of inputs yield sums of outputs, and so do sums of seeds", () => {
    fc.assert(
      fc.property(largeShape, ({ n, m, label }) => {
        const [x1, x2] = [random(`1${label}`, n), random(`2${label}`, n)];
        const [s1, s2] = [random(`3${label}`, n + m - 1), random(`4${label}`, n + m - 1)];
        const y = toeplitz(x1, n, s1, m);
        expect(toHex(toeplitz(sum(x1, x2), n, s1, m))).toBe(toHex(sum(y, toeplitz(x2, n, s1, m))));
        expect(toHex(toeplitz(x1, n, sum(s1, s2), m))).toBe(toHex(sum(y, toeplitz(x1, n, s2, m))));
      }),
      { numRuns: 20 },
    );
  });
});

describe("in slices", () => {
  const [n, m] = [524_288, 419_296];
  const [x, seed] = [random("x", n), random("seed", n + m - 1)];
  const whole = toeplitz(x, n, seed, m);

  test("two at once, turn by turn, do not disturb each other", async () => {
    const [xB, seedB] = [random("other x", n), random("other seed", n + m - 1)];
    let pauses = 0;
    const pause = async () => {
      pauses++;
      await new Promise((resolve) => setImmediate(resolve));
    };
    const [a, b] = await Promise.all([
      runWithPauses(toeplitzInSlices(x, n, seed, m), pause),
      runWithPauses(toeplitzInSlices(xB, n, seedB, m), pause),
    ]);
    expect(sha256(a)).toBe(sha256(whole));
    expect(sha256(b)).toBe(sha256(toeplitz(xB, n, seedB, m)));
    // 165,000 base cases each, at most 2187 between two pauses.
    expect(pauses).toBeGreaterThanOrEqual(2 * Math.ceil(165_000 / 2187));
  });

  test("a pause that throws ends the computation, which can clean up, with that error", async () => {
    const gone = new Error("the object is gone");
    const seen: string[] = [];
    function* slices(): Slices<string> {
      try {
        yield;
        yield;
        yield;
        return "done";
      } finally {
        seen.push("wiped");
      }
    }
    const pause = async () => {
      if (seen.push("pause") === 2) throw gone;
    };
    await expect(runWithPauses(slices(), pause)).rejects.toBe(gone);
    expect(seen).toEqual(["pause", "pause", "wiped"]);
  });

  test("neither input nor seed is changed", () => {
    expect([sha256(x), sha256(seed)]).toEqual([sha256(random("x", n)), sha256(random("seed", n + m - 1))]);
  });
});

test.each([
  ["an input too short", 1, 9, 2, 1],
  ["an input too long", 3, 9, 2, 1],
  ["a seed too short", 2, 9, 1, 8],
  ["a seed too long", 2, 9, 3, 8],
  ["no input bits", 0, 0, 1, 8],
  ["no output bits", 1, 8, 1, 0],
  ["a fraction of a bit", 1, 8, 2, 1.5],
])("%s is refused", (_name, xBytes, n, seedBytes, m) => {
  expect(() => toeplitz(new Uint8Array(xBytes), n, new Uint8Array(seedBytes), m)).toThrow(RangeError);
});
