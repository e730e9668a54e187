/** Chunks that the pool has handed to an end and that nobody has been given yet. In memory only; zeroed when they go. */
import type { HandedChunk } from "../../shared/keypool/streams.ts";

interface Held {
  readonly bytes: Uint8Array;
  readonly madeMs: number;
  readonly hops: number;
}

export class HeldChunks {
  readonly #byIndex = new Map<number, Held>();

  get indices(): readonly number[] {
    return [...this.#byIndex.keys()];
  }

  get size(): number {
    return this.#byIndex.size;
  }

  /** @param bytes the chunks, concatenated */
  hold(chunks: readonly HandedChunk[], bytes: Uint8Array): void {
    const chunkBytes = bytes.length / chunks.length;
    chunks.forEach(({ index, madeMs, hops = 0 }, i) => {
      this.#byIndex.set(index, { bytes: bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes), madeMs, hops });
    });
  }

  /** Of `indices` those that are not here. Chunks made before `sinceMs` have expired and go. */
  missing(indices: readonly number[], sinceMs: number): readonly number[] {
    for (const [index, { madeMs }] of this.#byIndex) if (madeMs < sinceMs) this.#drop(index);
    return indices.filter((index) => !this.#byIndex.has(index));
  }

  /** When the oldest of them was made. */
  oldestMs(indices: readonly number[]): number {
    return Math.min(...indices.map((index) => this.#byIndex.get(index)?.madeMs ?? Number.POSITIVE_INFINITY));
  }

  /** Trusted nodes that any of them came over, at most. */
  hops(indices: readonly number[]): number {
    return Math.max(...indices.map((index) => this.#byIndex.get(index)?.hops ?? 0));
  }

  /** A copy of them, concatenated. All are here. */
  copy(indices: readonly number[], chunkBytes: number): Uint8Array {
    const key = new Uint8Array(indices.length * chunkBytes);
    indices.forEach((index, i) => {
      const held = this.#byIndex.get(index);
      if (held?.bytes.length !== chunkBytes) throw new Error(`chunk ${index} is not held, or of another length`);
      key.set(held.bytes, i * chunkBytes);
    });
    return key;
  }

  /** They have been given. */
  given(indices: readonly number[]): void {
    for (const index of indices) this.#drop(index);
  }

  /** @returns the indices of what was held */
  dropAll(): readonly number[] {
    const { indices } = this;
    for (const index of indices) this.#drop(index);
    return indices;
  }

  #drop(index: number): void {
    this.#byIndex.get(index)?.bytes.fill(0);
    this.#byIndex.delete(index);
  }
}
