/** A part of it in memory of its own. `slice` of Node's Buffer is a view instead: wiped with the original, it would be zero. */
export const copyOf = (bytes: Uint8Array, start?: number, end?: number): Uint8Array =>
  Uint8Array.prototype.slice.call(bytes, start, end);
