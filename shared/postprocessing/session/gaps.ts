/**
 * Ascending pulse numbers as Rice-coded gaps: of a gap g (numbers skipped since the last) the quotient g >> k in unary,
 * then the low k bits. For the geometric gaps of a quantum channel that is within 0.1 bit of their entropy. A quotient
 * of `ESCAPE` or more is sent as that many ones and the gap itself in 53 bits, so no gap takes more than 77.
 */
import { BitReader, BitWriter, STEP_BITS } from "./bit-stream.ts";

const ESCAPE = 24;
const HIGH_BITS = 53 - STEP_BITS;
const HALF_HIGH = HIGH_BITS - 12;
/** The k that goes with gaps of that size on average. */
const MAX_RICE = STEP_BITS;

/** The k for `count` numbers below `pulses`. */
export const riceOf = (count: number, pulses: number): number => {
  const meanGap = count === 0 ? 0 : (pulses - count) / count;
  return Math.min(MAX_RICE, Math.max(0, Math.floor(Math.log2(Math.max(1, meanGap * Math.LN2 + 0.5)))));
};

/** @param numbers ascending, from 0, below 2^53 */
export function encodeGaps(numbers: Float64Array, rice: number): Uint8Array {
  const writer = new BitWriter(Math.ceil((numbers.length * (rice + 2.5)) / 8) + 16);
  const unit = 2 ** rice;
  let next = 0;
  for (const number of numbers) {
    const gap = number - next;
    const quotient = Math.floor(gap / unit);
    if (quotient < ESCAPE) {
      writer.put((2 << quotient) - 2, quotient + 1);
      if (rice > 0) writer.put(gap - quotient * unit, rice);
    } else {
      writer.put(2 ** ESCAPE - 1, ESCAPE);
      putWide(writer, gap);
    }
    next = number + 1;
  }
  return writer.finish();
}

/**
 * @param count how many; the bytes bound it: each takes a bit at least
 * @param pulses every number is below it
 * @returns null for bytes that are not the one encoding of such numbers
 */
export function decodeGaps(bytes: Uint8Array, count: number, rice: number, pulses: number): Float64Array | null {
  if (rice > MAX_RICE || count > 8 * bytes.length) return null;
  const reader = new BitReader(bytes);
  const numbers = new Float64Array(count);
  const unit = 2 ** rice;
  let next = 0;
  for (let i = 0; i < count; i++) {
    const quotient = reader.takeOnes(ESCAPE);
    const gap = quotient < ESCAPE ? quotient * unit + reader.take(rice) : takeWide(reader);
    if (quotient === ESCAPE && gap < ESCAPE * unit) return null;
    const number = next + gap;
    if (number >= pulses) return null;
    numbers[i] = number;
    next = number + 1;
  }
  return reader.finished ? numbers : null;
}

function putWide(writer: BitWriter, value: number): void {
  const high = Math.floor(value / 2 ** STEP_BITS);
  writer.put(Math.floor(high / 2 ** HALF_HIGH), HIGH_BITS - HALF_HIGH);
  writer.put(high % 2 ** HALF_HIGH, HALF_HIGH);
  writer.put(value % 2 ** STEP_BITS, STEP_BITS);
}

function takeWide(reader: BitReader): number {
  const high = reader.take(HIGH_BITS - HALF_HIGH) * 2 ** HALF_HIGH + reader.take(HALF_HIGH);
  return high * 2 ** STEP_BITS + reader.take(STEP_BITS);
}
