/** What streams gave, looked at once the clock has stopped: the same at both ends, and nothing twice. */
import { Fingerprints } from "../../load/fingerprints.ts";

const seen = new Fingerprints();

/** Of one stream, in the order in which they came. */
export interface GivenChunk {
  readonly index: number;
  readonly key: Buffer;
}

/** @throws Error where an answer is no chunk */
export function chunkOf(body: string): GivenChunk {
  const { status, index, Key_buffer: key } = JSON.parse(body) as Readonly<Record<string, unknown>>;
  if (status !== 0 || typeof index !== "number" || typeof key !== "string") throw new Error("an answer without chunk");
  return { index, key: Buffer.from(key, "base64") };
}

/** @returns how many were looked at. @throws Error where one comes again, in this stream or in any before, or one is missing */
export function checkStream(chunks: readonly GivenChunk[]): number {
  for (const [at, { index, key }] of chunks.entries()) {
    if (index !== (chunks[0]?.index ?? 0) + at) throw new Error("chunks out of their order");
    if (!seen.add(key)) throw new Error("a chunk was given out twice");
  }
  return chunks.length;
}
