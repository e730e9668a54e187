/** Two applications' ends of streams, however they are reached. */
import type { Template } from "./template.ts";

/** One end of one stream. */
export interface End {
  /** The caller wipes it. @throws Error in words for the user */
  getKey(index: number): Promise<Uint8Array>;
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
