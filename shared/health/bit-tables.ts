/** Facts about each byte value, most significant bit first, so that the tests step by bytes instead of bits. */
const table = (of: (bits: readonly number[]) => number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => of(Array.from({ length: 8 }, (_unused, i) => (byte >> (7 - i)) & 1)));

const runFrom = (bits: readonly number[]): number => {
  const other = bits.findIndex((bit) => bit !== bits[0]);
  return other === -1 ? bits.length : other;
};

const longestRun = (bits: readonly number[]): number => {
  let longest = 1;
  for (let i = 0; i < bits.length; i++) longest = Math.max(longest, runFrom(bits.slice(i)));
  return longest;
};

const pairs = (first: number, second: number) => (bits: readonly number[]) =>
  bits.slice(1).filter((bit, i) => bits[i] === first && bit === second).length;

export const ONES = table((bits) => bits.reduce((sum, bit) => sum + bit, 0));
/** Length of the run the byte begins with, ends with, and its longest. */
export const LEADING_RUN = table(runFrom);
export const TRAILING_RUN = table((bits) => runFrom(bits.toReversed()));
export const LONGEST_RUN = table(longestRun);
/** Transitions within the byte: a 1 after a 0, a 0 after a 1. */
export const RISES = table(pairs(0, 1));
export const FALLS = table(pairs(1, 0));
