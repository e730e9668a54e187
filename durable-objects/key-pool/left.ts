/** The bitmap of a key record: bit `recipient * keys + key` is set while that recipient has not fetched that key. */

/** @param served per recipient: does it fetch from this pool? Others are known here, but fetch elsewhere. */
export function initialLeft(served: readonly boolean[], keys: number): Uint8Array {
  const left = new Uint8Array(Math.ceil((served.length * keys) / 8));
  served.forEach((here, recipient) => {
    if (!here) return;
    for (let bit = recipient * keys; bit < (recipient + 1) * keys; bit++) setLeft(left, bit);
  });
  return left;
}

export const isLeft = (left: Uint8Array, bit: number): boolean => (((left[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;

export function clearLeft(left: Uint8Array, bit: number): void {
  left[bit >> 3] = (left[bit >> 3] ?? 0) & ~(1 << (bit & 7));
}

export function setLeft(left: Uint8Array, bit: number): void {
  left[bit >> 3] = (left[bit >> 3] ?? 0) | (1 << (bit & 7));
}

export const nothingLeft = (left: Uint8Array): boolean => left.every((byte) => byte === 0);

/** Keys that at least one recipient has not fetched. */
export function keysLeft(left: Uint8Array, recipients: number, keys: number): number {
  let count = 0;
  for (let key = 0; key < keys; key++) if (anyLeft(left, recipients, keys, key)) count++;
  return count;
}

export function anyLeft(left: Uint8Array, recipients: number, keys: number, key: number): boolean {
  for (let r = 0; r < recipients; r++) if (isLeft(left, r * keys + key)) return true;
  return false;
}
