/** h(x) = -x log2 x - (1-x) log2(1-x), in bits; 0 at both ends. */
export function binaryEntropy(x: number): number {
  if (x <= 0 || x >= 1) return 0;
  // log1p keeps the digits that 1 - x loses for small x.
  return -(x * Math.log2(x) + ((1 - x) * Math.log1p(-x)) / Math.LN2);
}
