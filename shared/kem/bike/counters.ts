/**
 * A small counter for each of r places, bit-sliced: slice q holds bit q of all of them. Counts and comparisons are
 * modulo 2^(number of slices), which shows where a threshold is above half of that: as in liboqs.
 */

/** Vectors that are added at once: as many as three bits can count. */
export const GROUP = 7;

export class Counters {
  readonly #words: number;
  /** Slice after slice. */
  readonly #slices: Int32Array;

  constructor(words: number, slices: number) {
    this.#words = words;
    this.#slices = new Int32Array(words * slices);
  }

  clear(): void {
    this.#slices.fill(0);
  }

  /** Counts a group of vectors, which stand in `group` one after the other. */
  count(group: Int32Array): void {
    const n = this.#words;
    const slices = this.#slices;
    for (let i = 0; i < n; i++) {
      const a = group[i] as number;
      const b = group[i + n] as number;
      const c = group[i + 2 * n] as number;
      const d = group[i + 3 * n] as number;
      const e = group[i + 4 * n] as number;
      const f = group[i + 5 * n] as number;
      const g = group[i + 6 * n] as number;
      const sumABC = a ^ b ^ c;
      const sumDEF = d ^ e ^ f;
      const twos1 = majority(a, b, c);
      const twos2 = majority(d, e, f);
      const twos3 = majority(sumABC, sumDEF, g);
      const ones = sumABC ^ sumDEF ^ g;
      const twos = twos1 ^ twos2 ^ twos3;
      const fours = majority(twos1, twos2, twos3);

      const slice0 = slices[i] as number;
      const slice1 = slices[i + n] as number;
      const slice2 = slices[i + 2 * n] as number;
      const carry0 = slice0 & ones;
      const carry1 = majority(slice1, twos, carry0);
      slices[i] = slice0 ^ ones;
      slices[i + n] = slice1 ^ twos ^ carry0;
      slices[i + 2 * n] = slice2 ^ fours ^ carry1;
      let carry = majority(slice2, fours, carry1);
      for (let q = i + 3 * n; q < slices.length; q += n) {
        const slice = slices[q] as number;
        slices[q] = slice ^ carry;
        carry &= slice;
      }
    }
  }

  /** Bit k of `out` <- whether counter k less the threshold has its highest bit clear. The padding may be anything. */
  compare(out: Int32Array, threshold: number): void {
    const n = this.#words;
    const slices = this.#slices;
    for (let i = 0; i < n; i++) {
      let borrow = 0;
      let highest = 0;
      let rest = threshold;
      for (let q = i; q < slices.length; q += n) {
        const slice = slices[q] as number;
        const bit = -(rest & 1);
        highest = slice ^ bit ^ borrow;
        borrow = (~slice & bit) | (~(slice ^ bit) & borrow);
        rest >>= 1;
      }
      out[i] = ~highest;
    }
  }
}

const majority = (a: number, b: number, c: number): number => (a & b) | ((a ^ b) & c);
