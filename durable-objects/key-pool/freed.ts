/**
 * Which bytes of a unit are given away for good: a bitmap. A bit stands for 16 bytes as long as all that was given away
 * is so aligned (keys of 128, 256 ... bits are), which keeps the unit's row small; else for one. The length tells which.
 */
import type { Segment } from "../../shared/keypool/segments.ts";

const COARSE_BYTES = 16;

const bitmapBytes = (unitBytes: number, bytesABit: number): number => Math.ceil(Math.ceil(unitBytes / bytesABit) / 8);
const bytesABit = (freed: Uint8Array, unitBytes: number): number =>
  freed.length === bitmapBytes(unitBytes, 1) ? 1 : COARSE_BYTES;

/** @returns the bitmap with the bytes of `slice` marked; `freed` itself, changed, where that will do */
export function markFreed(freed: Uint8Array | null, unitBytes: number, { offset, length }: Segment): Uint8Array {
  const coarse = offset % COARSE_BYTES === 0 && length % COARSE_BYTES === 0;
  let bits = freed ?? new Uint8Array(bitmapBytes(unitBytes, coarse ? COARSE_BYTES : 1));
  if (!coarse && bytesABit(bits, unitBytes) !== 1) bits = refined(bits, unitBytes);
  const scale = bytesABit(bits, unitBytes);
  for (let bit = offset / scale; bit < (offset + length) / scale; bit++) {
    bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return bits;
}

/** Zeroes the bytes of a unit that are marked. */
export function zeroFreed(plaintext: Uint8Array, freed: Uint8Array): void {
  const scale = bytesABit(freed, plaintext.length);
  for (let bit = 0; bit * scale < plaintext.length; bit++) {
    if (((freed[bit >> 3] ?? 0) >> (bit & 7)) & 1) plaintext.fill(0, bit * scale, (bit + 1) * scale);
  }
}

/** Is any byte of `slice` marked? */
export function anyFreed(freed: Uint8Array, unitBytes: number, { offset, length }: Segment): boolean {
  const scale = bytesABit(freed, unitBytes);
  for (let bit = Math.floor(offset / scale); bit * scale < offset + length; bit++) {
    if (((freed[bit >> 3] ?? 0) >> (bit & 7)) & 1) return true;
  }
  return false;
}

/** The same with a bit a byte. */
function refined(freed: Uint8Array, unitBytes: number): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(unitBytes, 1));
  for (let at = 0; at < unitBytes; at++) {
    const bit = Math.floor(at / COARSE_BYTES);
    if (((freed[bit >> 3] ?? 0) >> (bit & 7)) & 1) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  }
  return bits;
}
