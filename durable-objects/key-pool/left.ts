/** The bitmap of a key record: bit `recipient * keys + key` is set while that recipient has not fetched that key. */
export function allLeft(recipients: number, keys: number): Uint8Array {
  const bits = recipients * keys;
  const left = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
  const spare = left.length * 8 - bits;
  const last = left.length - 1;
  if (last >= 0) left[last] = 0xff >> spare;
  return left;
}

export const isLeft = (left: Uint8Array, bit: number): boolean => (((left[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;

export function clearLeft(left: Uint8Array, bit: number): void {
  left[bit >> 3] = (left[bit >> 3] ?? 0) & ~(1 << (bit & 7));
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
