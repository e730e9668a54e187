/** Two applications' ends of streams, however they are reached. */
import type { Mixture } from "../../shared/hybrid/mixture.ts";
import type { Template } from "./template.ts";

export interface GivenChunk {
  /** The caller wipes it. */
  readonly key: Uint8Array;
  /** Null: this end was not told that the key is made of several. */
  readonly mixture: Mixture | null;
}

/** One end of one stream. */
export interface End {
  /** @throws Error in words for the user */
  getKey(index: number): Promise<GivenChunk>;
  close(): Promise<void>;
}

export interface OpenPair {
  readonly ksid: string;
  readonly chunkBytes: number;
  readonly ends: readonly [End, End];
}

export type Opening = { readonly pair: OpenPair } | { readonly error: Error };

/** Opens `count` streams of one template at both ends. */
export type OpenStreams = (template: Template, count: number) => Promise<readonly Opening[]>;

export const errorOf = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
