/**
 * The product that all others are made of: 256 bits with a 256 x 256 Toeplitz matrix over GF(2), in words of 32 bits,
 * first bit highest.
 *
 * A 1 in place j of x adds the matrix's column j to the result, which is a window of the matrix's bits that begins
 * 255 - j bits in. Four neighbouring places at a time: the sums of every choice of four neighbouring windows are
 * tabled, and the eight groups of four in a word are taken first to last, with a shift by four between them (Horner).
 */
export const BASE_WORDS = 8;
/** Windows of a word's group overhang by one word to the right, whose bits the shifts bring in. */
const WINDOW_WORDS = 2 * BASE_WORDS;
export const TABLE_WORDS = 16 * WINDOW_WORDS;

/** Every index below is in range by construction; a look-up that could be `undefined` would cost the loop its speed. */
const at = (words: Int32Array, index: number): number => words[index] as number;

function xorAt(words: Int32Array, index: number, value: number): void {
  words[index] = at(words, index) ^ value;
}

/**
 * y ^= T x, all three in `words`.
 * @param matrix where the diagonal's word is: T's words are `matrix - 7` to `matrix + 8`
 * @param x, y where the eight words of each begin
 * @param table scratch of `TABLE_WORDS`; what is left in it are sums of the matrix's bits, none of x's
 */
export function baseCase(words: Int32Array, matrix: number, x: number, y: number, table: Int32Array): void {
  fillTable(words, matrix - (BASE_WORDS - 1), table);
  // Nine locals, not an array, so that they stay in registers: this loop is all the time there is.
  let [y0, y1, y2, y3, y4, y5, y6, y7, overhang] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let group = 28; group >= 0; group -= 4) {
    y0 = (y0 << 4) | (y1 >>> 28);
    y1 = (y1 << 4) | (y2 >>> 28);
    y2 = (y2 << 4) | (y3 >>> 28);
    y3 = (y3 << 4) | (y4 >>> 28);
    y4 = (y4 << 4) | (y5 >>> 28);
    y5 = (y5 << 4) | (y6 >>> 28);
    y6 = (y6 << 4) | (y7 >>> 28);
    y7 = (y7 << 4) | (overhang >>> 28);
    overhang <<= 4;
    for (let i = 0; i < BASE_WORDS; i++) {
      const choice = (at(words, x + i) >>> group) & 15;
      const row = choice * WINDOW_WORDS + (BASE_WORDS - 1 - i);
      y0 ^= at(table, row);
      y1 ^= at(table, row + 1);
      y2 ^= at(table, row + 2);
      y3 ^= at(table, row + 3);
      y4 ^= at(table, row + 4);
      y5 ^= at(table, row + 5);
      y6 ^= at(table, row + 6);
      y7 ^= at(table, row + 7);
      overhang ^= at(table, row + 8);
    }
  }
  xorAt(words, y, y0);
  xorAt(words, y + 1, y1);
  xorAt(words, y + 2, y2);
  xorAt(words, y + 3, y3);
  xorAt(words, y + 4, y4);
  xorAt(words, y + 5, y5);
  xorAt(words, y + 6, y6);
  xorAt(words, y + 7, y7);
}

/** Row c: the sum of the 16 words from `first` on, shifted left by each b for which c has its bit b set. */
function fillTable(words: Int32Array, first: number, table: Int32Array): void {
  for (let i = 0; i < WINDOW_WORDS; i++) {
    const word = at(words, first + i);
    const next = i === WINDOW_WORDS - 1 ? 0 : at(words, first + i + 1);
    table[WINDOW_WORDS + i] = word;
    for (let shift = 1; shift < 4; shift++) {
      const shifted = (word << shift) | (next >>> (32 - shift));
      const row = WINDOW_WORDS << shift;
      for (let lower = 0; lower < row; lower += WINDOW_WORDS) {
        table[row + lower + i] = at(table, lower + i) ^ shifted;
      }
    }
  }
}
