/** Refuses what cannot be the min-entropy of a bit. Written so that NaN is refused as well. */
export function requireMinEntropy(perBit: number): void {
  if (!(perBit > 0 && perBit <= 1)) throw new RangeError(`${perBit} is no min-entropy per bit: more than 0, at most 1`);
}
