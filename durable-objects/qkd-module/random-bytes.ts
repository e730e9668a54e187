/** `getRandomValues` takes at most 64 KiB a call. */
const PIECE_BYTES = 64 * 1024;

/** Fresh random bytes of the platform, however many. */
export function randomBytes(bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += PIECE_BYTES) crypto.getRandomValues(all.subarray(at, at + PIECE_BYTES));
  return all;
}
