/** What both ends do alike with the detections: keep those with equal bases, up to the end of the block. */
import { bytesFor } from "../bits.ts";
import { KEY_BASIS } from "../bases.ts";

/** What Alice sent, of the pulses asked for; entries in their order. */
export interface SentPulses {
  readonly bits: Uint8Array;
  /** `KEY_BASIS` or `TEST_BASIS` each. */
  readonly bases: Uint8Array;
  /** Indexes into the parameters' intensities. */
  readonly intensities: Uint8Array;
}

/** What Bob detected. A double click counts, with a random bit. */
export interface Detections {
  /** Ascending, from 0 at the beginning of the block. */
  readonly pulseIndexes: Float64Array;
  readonly bits: Uint8Array;
  readonly bases: Uint8Array;
}

/** Alice's record of a run. */
export interface PulseRecord {
  /** @returns a copy, which the one who asked is to wipe; null where one of the pulses is not in the record */
  lookUp(pulseIndexes: Float64Array): SentPulses | null;
  /** Overwrites the bits. */
  wipe(): void;
}

/** Of a detection in unequal bases. Otherwise 1 + the intensity. */
const UNEQUAL = 0;

/** One end's share of a sifted block. Arrays of a basis go together, in the order of detection. */
export interface Sifted {
  /** Packed. */
  readonly keyBits: Uint8Array;
  readonly keyIntensities: Uint8Array;
  readonly testBits: Uint8Array;
  readonly testIntensities: Uint8Array;
}

/**
 * What Alice answers to the detections: a symbol each, up to the one that completes the block. Cutting there is as if
 * the run had been stopped there, so counts keep the law that the bounds assume.
 * @returns null where the sifted key does not get as long as that
 */
export function siftingSymbols(sent: SentPulses, bases: Uint8Array, keyBits: number): Uint8Array | null {
  const symbols = new Uint8Array(bases.length);
  let sifted = 0;
  for (let i = 0; i < bases.length; i++) {
    if (sent.bases[i] !== bases[i]) continue;
    symbols[i] = 1 + (sent.intensities[i] as number);
    if (bases[i] === KEY_BASIS && ++sifted === keyBits) return symbols.subarray(0, i + 1);
  }
  return null;
}

/**
 * @param symbols as sent, for the first detections
 * @param bases Bob's, one a detection
 * @param bits this end's, one a detection
 * @returns null for symbols that are not of one whole block of `keyBits` with so many intensities
 */
export function sift(
  symbols: Uint8Array,
  bases: Uint8Array,
  bits: Uint8Array,
  { keyBits, intensities }: { readonly keyBits: number; readonly intensities: readonly unknown[] },
): Sifted | null {
  if (symbols.length > bases.length) return null;
  const key = new Uint8Array(bytesFor(keyBits));
  const keyIntensities = new Uint8Array(keyBits);
  const testBits = new Uint8Array(symbols.length);
  const testIntensities = new Uint8Array(symbols.length);
  let [keys, tests] = [0, 0];
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] as number;
    if (symbol === UNEQUAL) continue;
    if (symbol > intensities.length || keys === keyBits) return null;
    if (bases[i] === KEY_BASIS) {
      keyIntensities[keys] = symbol - 1;
      key[keys >> 3] = (key[keys >> 3] as number) | ((bits[i] as number) << (7 - (keys & 7)));
      keys++;
    } else {
      testIntensities[tests] = symbol - 1;
      testBits[tests++] = bits[i] as number;
    }
  }
  if (keys < keyBits) return null;
  return {
    keyBits: key,
    keyIntensities,
    testBits: testBits.slice(0, tests),
    testIntensities: testIntensities.slice(0, tests),
  };
}

/** How many of each intensity there are. */
export function countsOf(intensityIndexes: Uint8Array, intensities: number): number[] {
  const counts = Array.from({ length: intensities }, () => 0);
  for (const index of intensityIndexes) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}

/** Places in which two strings of bits, one a byte, differ: by intensity. */
export function errorCounts(a: Uint8Array, b: Uint8Array, intensityIndexes: Uint8Array, intensities: number): number[] {
  const counts = Array.from({ length: intensities }, () => 0);
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) counts[intensityIndexes[i] as number] = (counts[intensityIndexes[i] as number] ?? 0) + 1;
  }
  return counts;
}

/** The same for packed strings. */
export function packedErrorCounts(
  a: Uint8Array,
  b: Uint8Array,
  intensityIndexes: Uint8Array,
  intensities: number,
): number[] {
  const counts = Array.from({ length: intensities }, () => 0);
  for (let byte = 0; byte < a.length; byte++) {
    let differing = (a[byte] as number) ^ (b[byte] as number);
    while (differing !== 0) {
      const place = Math.clz32(differing) - 24;
      const intensity = intensityIndexes[8 * byte + place] as number;
      counts[intensity] = (counts[intensity] ?? 0) + 1;
      differing ^= 0x80 >> place;
    }
  }
  return counts;
}
