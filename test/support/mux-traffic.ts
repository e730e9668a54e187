/** For tests: what is sent over simulated streams, and how it is checked. */
import type { MuxStream } from "../../shared/mux/stream.ts";

/** Byte `at` of a stream's content: neither lost, doubled nor swapped bytes go unnoticed. */
const byteOf = (key: number, at: number): number => (at * 31 + (at >> 8) * 7 + (at >> 16) + key) & 0xff;

function content(key: number, at: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let index = 0; index < count; index++) bytes[index] = byteOf(key, at + index);
  return bytes;
}

export async function sendAll(
  stream: MuxStream,
  key: number,
  total: number,
  sizes: () => number,
  pause: () => Promise<void>,
): Promise<void> {
  let sentBytes = 0;
  while (sentBytes < total) {
    const count = Math.min(sizes(), total - sentBytes);
    await stream.write(content(key, sentBytes, count));
    sentBytes += count;
    await pause();
  }
  await stream.end();
}

/** A function of its own, and by the index: megabytes pass here, and a loop that waits in between is never optimized. */
function compare(chunk: Uint8Array, key: number, at: number): void {
  for (let index = 0; index < chunk.length; index++) {
    if (chunk[index] !== byteOf(key, at + index)) throw new Error(`wrong byte ${at + index}`);
  }
}

/** Reads to the end and compares. @returns bytes read */
export async function readAll(
  stream: MuxStream,
  key: number,
  pause: () => Promise<void>,
  seen = { bytes: 0 },
): Promise<number> {
  for (;;) {
    const chunk = await stream.read();
    if (chunk === null) return seen.bytes;
    compare(chunk, key, seen.bytes);
    seen.bytes += chunk.length;
    await pause();
  }
}

export const noPause = (): Promise<void> => Promise.resolve();
