import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { assessHealth } from "../health/health.ts";
import { biasedBlock } from "../health/test-blocks.ts";
import type { BlockId } from "../ids.ts";
import { condition, type Conditioning, conditionInSlices } from "./condition.ts";
import { conditionedBits, DEFAULT_DESIGN, PIECE_BYTES, piecesOf } from "./lengths.ts";
import { expandSeed, type SeedScope } from "./seed.ts";
import { runAtOnce } from "./slices.ts";
import { toeplitz } from "./toeplitz.ts";

const id = (text: string) => text as BlockId;
const publicSeed = Uint8Array.from({ length: 32 }, (_, i) => i);
const LINK: Conditioning = { design: DEFAULT_DESIGN, publicSeed };

function conditioned(block: Uint8Array, blockId = "file:0", link = LINK): Uint8Array {
  const result = runAtOnce(conditionInSlices(block, id(blockId), link));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
}

describe("lengths", () => {
  test.each([
    [64, 1_310_592],
    [100, 1_310_520],
    [128, 1_310_464],
  ])("of a block of 204,800 bytes at H = 0.80 and eps = 2^-%d remain %d bits", (epsilonLog2, bits) => {
    expect(conditionedBits(1_638_400, 0.8, epsilonLog2)).toBe(bits);
  });

  test("by default 5119 keys of 256 bits", () => {
    const pieces = piecesOf(204_800, DEFAULT_DESIGN);
    expect(pieces).toEqual({ ok: true, value: [{ fromByte: 0, bytes: 204_800, outputBytes: 163_824 }] });
    expect(Math.floor((163_824 * 8) / 256)).toBe(5119);
  });

  test("of 16 pieces, each pays 2 log2(16 / eps) = 136 bits", () => {
    const pieces = piecesOf(16 * PIECE_BYTES, DEFAULT_DESIGN);
    expect(pieces.ok && pieces.value.map((piece) => 1_310_720 - 8 * piece.outputBytes)).toEqual(Array(16).fill(136));
  });

  test("nothing is never less than nothing", () => {
    expect([0, 1, 160, 161, 162].map((bits) => conditionedBits(bits, 0.8))).toEqual([0, 0, 0, 0, 1]);
  });

  const design = fc.record({
    minEntropyPerBit: fc.double({ min: 0.01, max: 1, noNaN: true }),
    epsilonLog2: fc.integer({ min: 1, max: 256 }),
  });

  test("pieces cover the block in order, and stay below what the lemma allows", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8192, max: 2_000_000 }), design, (blockBytes, at) => {
        const pieces = piecesOf(blockBytes, at);
        if (!pieces.ok) throw new Error("too short");
        let next = 0;
        for (const { fromByte, bytes, outputBytes } of pieces.value) {
          expect(fromByte).toBe(next);
          expect(bytes).toBeLessThanOrEqual(PIECE_BYTES);
          const most = at.minEntropyPerBit * 8 * bytes - 2 * (at.epsilonLog2 + Math.log2(pieces.value.length));
          expect(outputBytes * 8).toBeLessThanOrEqual(most);
          expect(outputBytes * 8).toBeGreaterThan(most - 9);
          next += bytes;
        }
        expect(next).toBe(blockBytes);
        expect(pieces.value.length).toBe(Math.ceil(blockBytes / PIECE_BYTES));
      }),
    );
  });

  test("a block too short is told how long it should be", () => {
    expect(piecesOf(21, DEFAULT_DESIGN)).toEqual({
      ok: false,
      error: { reason: "too-short", blockBytes: 21, leastBytes: 22 },
    });
    expect(piecesOf(0, DEFAULT_DESIGN).ok).toBe(false);
    fc.assert(
      fc.property(design, (at) => {
        const short = piecesOf(0, at);
        const least = short.ok ? 0 : short.error.leastBytes;
        expect([piecesOf(least - 1, at).ok, piecesOf(least, at).ok]).toEqual([false, true]);
      }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN])("a min-entropy of %d is refused", (minEntropyPerBit) => {
    expect(() => conditionedBits(1000, minEntropyPerBit)).toThrow(RangeError);
    expect(() => piecesOf(0, { minEntropyPerBit, epsilonLog2: 64 })).toThrow(RangeError);
  });
});

const expand = (scope: Partial<SeedScope>, bits = 256): string =>
  toHex(runAtOnce(expandSeed({ publicSeed, blockId: id("file:0"), piece: 0, ...scope }, bits)));

describe("seed bits", () => {
  test("are SHAKE256 of label, public seed, block id and piece", () => {
    const written = Buffer.concat([
      Buffer.from("qkd-edge/conditioning/v1/toeplitz-seed"),
      publicSeed,
      Buffer.from("key für 東京:65536"),
      Buffer.from([0, 0, 1, 2]),
    ]);
    const bits = 8 * 200_000 - 3; // several slices, and a byte that is not full
    const expected = createHash("shake256", { outputLength: 200_000 }).update(written).digest("hex");
    expect(expand({ blockId: id("key für 東京:65536"), piece: 258 }, bits)).toBe(expected);
  });

  test("of different seeds, ids and pieces have nothing in common", () => {
    const scopes: Partial<SeedScope>[] = [
      {},
      { piece: 1 },
      { piece: 256 },
      { blockId: id("file:1") },
      { blockId: id("file:0\0\0\0\0") },
      { blockId: id("") },
      { publicSeed: publicSeed.map((byte, i) => (i === 31 ? byte ^ 1 : byte)) },
      { publicSeed: new Uint8Array(32) },
    ];
    expect(new Set(scopes.map((scope) => expand(scope))).size).toBe(scopes.length);
  });

  test.each([0, 31, 33])("a public seed of %d bytes is refused", (bytes) => {
    expect(() => expand({ publicSeed: new Uint8Array(bytes) })).toThrow(RangeError);
  });
});

describe("a block", () => {
  const block = biasedBlock("block", 65_536);
  const output = conditioned(block);

  test("is the Toeplitz hash under its seed bits", () => {
    const seed = runAtOnce(expandSeed({ publicSeed, blockId: id("file:0"), piece: 0 }, 524_288 + 419_296 - 1));
    expect(Buffer.compare(output, toeplitz(block, 524_288, seed, 419_296))).toBe(0);
  });

  test("is biased before and not after", () => {
    expect(assessHealth(block).failures.map((failure) => failure.test)).toContain("ones-count");
    expect(assessHealth(block, DEFAULT_DESIGN.minEntropyPerBit).passed).toBe(true);
    expect(output.length).toBe(52_412);
    expect(assessHealth(output)).toMatchObject({ passed: true, failures: [] });
  });

  test("gives the same at both ends, with pauses and without", async () => {
    let pauses = 0;
    const pause = async () => {
      pauses++;
    };
    const otherEnd: Conditioning = { design: { ...DEFAULT_DESIGN }, publicSeed: Uint8Array.from(publicSeed) };
    const result = await condition(Uint8Array.from(block), id("file:0"), otherEnd, pause);
    expect(result.ok && Buffer.compare(result.value, output)).toBe(0);
    expect(pauses).toBeGreaterThan(50);
  });

  test("gives something else under another id, under another seed, and with one bit changed", () => {
    const changed = Uint8Array.from(block);
    changed[1000]! ^= 0x10;
    const outputs = [
      output,
      conditioned(block, "file:65536"),
      conditioned(block, "file:0", { ...LINK, publicSeed: new Uint8Array(32) }),
      conditioned(changed),
    ];
    // Two outputs that have nothing to do with each other differ in half their bits.
    for (const [i, a] of outputs.entries()) {
      for (const b of outputs.slice(i + 1)) expect(assessHealth(a.map((byte, k) => byte ^ b[k]!)).passed).toBe(true);
    }
  });

  test("of more than 204,800 bytes is hashed in pieces, each under seed bits of its own", () => {
    const half = biasedBlock("half", 102_401);
    const long = new Uint8Array(204_802);
    long.set(half);
    long.set(half, 102_401);
    const pieces = conditioned(long);
    // 0.8 * 819,208 - 2 * 65 = 655,236.4 bits a piece
    expect(pieces.length).toBe(2 * 81_904);
    const [first, second] = [pieces.subarray(0, 81_904), pieces.subarray(81_904)];
    const [nBits, mBits] = [8 * 102_401, 8 * 81_904];
    for (const [piece, found] of [first, second].entries()) {
      const seed = runAtOnce(expandSeed({ publicSeed, blockId: id("file:0"), piece }, nBits + mBits - 1));
      expect(Buffer.compare(found, toeplitz(half, nBits, seed, mBits))).toBe(0);
    }
    expect(assessHealth(first.map((byte, i) => byte ^ second[i]!)).passed).toBe(true);
  });

  test("too short to leave anything is an outcome, not an error", async () => {
    const result = await condition(block.subarray(0, 21), id("file:0"), LINK, async () => {});
    expect(result).toEqual({ ok: false, error: { reason: "too-short", blockBytes: 21, leastBytes: 22 } });
    expect(conditioned(block.subarray(0, 22)).length).toBe(1);
  });
});
