/**
 * Products of polynomials over GF(2) of a few hundred words: Karatsuba's halving, and below a few words its form
 * without recursion.
 *
 * JavaScript has no carry-less multiplication, and a table of multiples would be read at secret places. So 16 bits are
 * cut into three classes by their place modulo 3, at most six bits each. Products of two classes as integers then have
 * columns three places apart whose sums stay below 8, so that no carry reaches the next column, and a column's lowest
 * bit is its sum in GF(2).
 */

/** Longest operand that is not halved: found by measuring. */
const SMALL_WORDS = 7;

/** The product of the lower 16 bits of two words: 31 bits. */
function product16(x: number, y: number): number {
  const x0 = x & 0x9249;
  const x1 = x & 0x2492;
  const x2 = x & 0x4924;
  const y0 = y & 0x9249;
  const y1 = y & 0x2492;
  const y2 = y & 0x4924;
  return (
    ((Math.imul(x0, y0) ^ Math.imul(x1, y2) ^ Math.imul(x2, y1)) & 0x49249249) |
    ((Math.imul(x0, y1) ^ Math.imul(x1, y0) ^ Math.imul(x2, y2)) & 0x92492492) |
    ((Math.imul(x0, y2) ^ Math.imul(x1, y1) ^ Math.imul(x2, y0)) & 0x24924924)
  );
}

/** Multiplies operands of one length, in scratch of its own. */
export class Multiplier {
  readonly #words: number;
  readonly #scratch: Int32Array;
  /** The squares x_i y_i of the short form, lower words and upper words. */
  readonly #low = new Int32Array(SMALL_WORDS);
  readonly #high = new Int32Array(SMALL_WORDS);

  constructor(words: number) {
    this.#words = words;
    this.#scratch = new Int32Array(scratchWords(words));
  }

  /** `out` gets twice an operand's words; it may not be one of them. */
  multiply(out: Int32Array, a: Int32Array, b: Int32Array): void {
    this.#halve(out, 0, a, 0, b, 0, this.#words, 0);
  }

  wipe(): void {
    this.#scratch.fill(0);
    this.#low.fill(0);
    this.#high.fill(0);
  }

  /**
   * out[o ..] <- a[i .. i + n] * b[j .. j + n]. With n odd, the upper halves are a word shorter than the lower ones.
   * Scratch from `s` on: the two sums of halves, and their product.
   */
  #halve(out: Int32Array, o: number, a: Int32Array, i: number, b: Int32Array, j: number, n: number, s: number): void {
    if (n <= SMALL_WORDS) {
      this.#small(out, o, a, i, b, j, n);
      return;
    }
    const scratch = this.#scratch;
    const lower = (n + 1) >> 1;
    const upper = n - lower;
    const sumB = s + lower;
    const middle = sumB + lower;
    const next = middle + 2 * lower;
    scratch[s + lower - 1] = a[i + lower - 1] as number;
    scratch[sumB + lower - 1] = b[j + lower - 1] as number;
    for (let k = 0; k < upper; k++) {
      scratch[s + k] = (a[i + k] as number) ^ (a[i + lower + k] as number);
      scratch[sumB + k] = (b[j + k] as number) ^ (b[j + lower + k] as number);
    }
    this.#halve(scratch, middle, scratch, s, scratch, sumB, lower, next);
    this.#halve(out, o, a, i, b, j, lower, next);
    this.#halve(out, o + 2 * lower, a, i + lower, b, j + lower, upper, next);
    combine(out, o, scratch, middle, lower, 2 * upper - lower);
  }

  /** The same for few words: x_i y_j + x_j y_i = (x_i + x_j)(y_i + y_j) + x_i y_i + x_j y_j, column by column. */
  #small(out: Int32Array, o: number, a: Int32Array, i: number, b: Int32Array, j: number, n: number): void {
    const low = this.#low;
    const high = this.#high;
    for (let k = 0; k < n; k++) {
      const x = a[i + k] as number;
      const y = b[j + k] as number;
      const l = product16(x, y);
      const h = product16(x >>> 16, y >>> 16);
      const m = product16(x ^ (x >>> 16), y ^ (y >>> 16)) ^ l ^ h;
      low[k] = l ^ (m << 16);
      high[k] = h ^ (m >>> 16);
    }
    let carried = 0;
    for (let column = 0; column < 2 * n - 1; column++) {
      let l = 0;
      let h = 0;
      if ((column & 1) === 0) {
        l = low[column >> 1] as number;
        h = high[column >> 1] as number;
      }
      let k = column < n ? 0 : column - n + 1;
      for (let m = column - k; k < m; k++, m--) {
        const x = (a[i + k] as number) ^ (a[i + m] as number);
        const y = (b[j + k] as number) ^ (b[j + m] as number);
        const pl = product16(x, y);
        const ph = product16(x >>> 16, y >>> 16);
        const pm = product16(x ^ (x >>> 16), y ^ (y >>> 16)) ^ pl ^ ph;
        l ^= pl ^ (pm << 16) ^ (low[k] as number) ^ (low[m] as number);
        h ^= ph ^ (pm >>> 16) ^ (high[k] as number) ^ (high[m] as number);
      }
      out[o + column] = l ^ carried;
      carried = h;
    }
    out[o + 2 * n - 1] = carried;
  }
}

/**
 * Puts the product of the sums, at `m`, between the products of the halves, which stand at `o` side by side: quarters
 * of `n` words, but of the fourth one only `fourth`.
 */
function combine(out: Int32Array, o: number, middle: Int32Array, m: number, n: number, fourth: number): void {
  for (let k = 0; k < n; k++) {
    const inner = (out[o + n + k] as number) ^ (out[o + 2 * n + k] as number);
    const top = k < fourth ? (out[o + 3 * n + k] as number) : 0;
    out[o + n + k] = inner ^ (out[o + k] as number) ^ (middle[m + k] as number);
    out[o + 2 * n + k] = inner ^ top ^ (middle[m + n + k] as number);
  }
}

function scratchWords(words: number): number {
  if (words <= SMALL_WORDS) return 0;
  const lower = (words + 1) >> 1;
  return 4 * lower + scratchWords(lower);
}
