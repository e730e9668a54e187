/**
 * What histories push: slices of one buffer that is the same in every run, so that a seed alone brings a history back.
 * No two slices have the same bytes, so that a byte's place tells where a key came from, and equal places equal bytes.
 */
import { DEFAULT_DESIGN } from "../../shared/conditioning/lengths.ts";
import { conditionInSlices } from "../../shared/conditioning/condition.ts";
import { runAtOnce } from "../../shared/conditioning/slices.ts";
import { assessHealth } from "../../shared/health/health.ts";
import type { BlockId } from "../../shared/ids.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";

export interface Material {
  /** Where it begins in the buffer. */
  readonly from: number;
  readonly bytes: Uint8Array;
}

const SLOT_BYTES = 4 * LIMITS.unitBytes;
/** Of these the last two are biased, and begin with a stuck bit. */
const SLOTS = 9;
/** For histories that take a new one for each block. */
const MORE_SLOTS = 20;
const BIASED = 7;
const STUCK = 8;
const STUCK_BYTES = 64;

/** How many different slices there are. The one after those with a slot of their own shares units with the first. */
export const MATERIALS = SLOTS;
const SHIFTED = 6;
/** Enough for a third unit. */
export const MATERIAL_BYTES = 9000;

/** mulberry32: numbers in [0, 1) that follow from a seed. */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function makeBuffer(): Uint8Array {
  const random = numbers(1);
  const buffer = Uint8Array.from({ length: (SLOTS + MORE_SLOTS) * SLOT_BYTES }, () => random() * 256);
  for (let at = BIASED * SLOT_BYTES; at < (BIASED + 1) * SLOT_BYTES; at++) {
    // One bit in ten is cleared: 45 % ones.
    for (let bit = 0; bit < 8; bit++) if (random() < 0.1) buffer[at] = (buffer[at] ?? 0) & ~(1 << bit);
  }
  return buffer.fill(0, STUCK * SLOT_BYTES, STUCK * SLOT_BYTES + STUCK_BYTES);
}

const buffer = makeBuffer();

/** @param bytes at most MATERIAL_BYTES */
export function materialOf(which: number, bytes: number): Material {
  const from = which === SHIFTED ? LIMITS.unitBytes : which * SLOT_BYTES;
  return { from, bytes: buffer.subarray(from, from + bytes) };
}

/** Healthy, and unlike any other. @param number below 20 @param bytes at most four units */
export const freshBytes = (number: number, bytes: number): Uint8Array =>
  buffer.subarray((SLOTS + number) * SLOT_BYTES, (SLOTS + number) * SLOT_BYTES + bytes);

const verdicts = new Map<string, boolean>();
const outputs = new Map<string, Uint8Array | null>();

function remembered<T>(known: Map<string, T>, name: string, make: () => T): T {
  if (known.size > 10_000) known.clear();
  let value = known.get(name);
  if (value === undefined) {
    value = make();
    known.set(name, value);
  }
  return value;
}

/** Does the link let it in? What the tests find is for their own tests to judge. */
export function passes({ from, bytes }: Material, { health, conditioning }: PoolConfig): boolean {
  if (health === "accept") return true;
  const design = health === "condition" ? conditioning?.minEntropyPerBit : undefined;
  return remembered(verdicts, `${from} ${bytes.length} ${design}`, () => assessHealth(bytes, design).passed);
}

/** What keys are cut from; null where conditioning leaves nothing. */
export function usable(
  id: BlockId,
  { from, bytes }: Material,
  { health, conditioning }: PoolConfig,
): Uint8Array | null {
  if (health !== "condition" || conditioning === undefined) return bytes;
  const { minEntropyPerBit, publicSeed: seed } = conditioning;
  const publicSeed = Uint8Array.fromHex(seed);
  return remembered(outputs, `${id} ${from} ${bytes.length} ${minEntropyPerBit}`, () => {
    const output = runAtOnce(
      conditionInSlices(bytes, id, { design: { ...DEFAULT_DESIGN, minEntropyPerBit }, publicSeed }),
    );
    return output.ok ? output.value : null;
  });
}
