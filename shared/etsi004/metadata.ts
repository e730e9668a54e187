/**
 * Metadata of chunks (ETSI GS QKD 004 V2.1.1 clause 5, Metadata): JSON with `age` and `hops`, as its example has it, and
 * of a hybrid stream what was mixed.
 */
import type { ChunkMetadata } from "./types.ts";

const UINT32_MAX = 2 ** 32 - 1;

export interface MetadataWish {
  /** QOS.Metadata_mimetype; empty: none is ever reported. */
  readonly mimetype: string;
  /** Room for it, in characters; 0: none is wanted. */
  readonly size: number;
}

export type Metadata = { readonly text: string | null } | { readonly neededSize: number };

/** @param madeMs when the chunk became available; of several, the oldest */
export function metadataOf(
  wish: MetadataWish,
  { madeMs, ...more }: Omit<ChunkMetadata, "age"> & { readonly madeMs: number },
  nowMs: number,
): Metadata {
  if (wish.mimetype === "" || wish.size === 0) return { text: null };
  const age = Math.min(Math.max(0, Math.floor(nowMs - madeMs)), UINT32_MAX);
  const text = write({ age, ...more });
  // The age grows until the call comes again: told is what is enough whenever it comes.
  return text.length <= wish.size ? { text } : { neededSize: write({ age: UINT32_MAX, ...more }).length };
}

const write = (metadata: ChunkMetadata): string => JSON.stringify(metadata);
