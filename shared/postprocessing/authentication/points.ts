/** What is tagged, and when: three points of a block, in each of the two directions. */

/** After parameter estimation; after error correction and its verification; after privacy amplification's parameters. */
export const POINTS = ["estimation", "correction", "amplification"] as const;
export type Point = (typeof POINTS)[number];

/** By who speaks. */
export const DIRECTIONS = ["alice-to-bob", "bob-to-alice"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/**
 * Authenticates one block at one end. Each direction has a running transcript of everything said so far; a tag covers
 * all of it, so that one tag serves hundreds of messages. Tagging late is sound because no key leaves before the last
 * tag has verified, and because Alice counts what she discloses to whoever asks.
 */
export interface BlockAuthentication {
  readonly scheme: Scheme;
  /** Adds to one direction's transcript. Bytes must say themselves where they end (messages do, with their header). */
  absorb(direction: Direction, bytes: Uint8Array): void;
  /**
   * The tag of what this end has said so far.
   * @throws Error at the second tag of a point: its key is for one message
   */
  tag(point: Point): Uint8Array;
  /** Whether a tag fits what the other end has said. One attempt a point; every further one is false. */
  verify(point: Point, tag: Uint8Array): boolean;
  /**
   * log2 of the probability that any of the block's tags could be forged, to be added to its epsilons; null where that
   * rests on a computation being hard.
   */
  readonly forgeryLog2: number | null;
  /** Erases the keys; after it no tag is made, and none fits. */
  wipe(): void;
}

export type Scheme = "wegman-carter" | "slh-dsa";

/** Points that were used, so that none is twice. */
export class UsedPoints {
  readonly #used = new Set<Point>();

  /** @returns false where the point has been used before */
  use(point: Point): boolean {
    if (this.#used.has(point)) return false;
    this.#used.add(point);
    return true;
  }
}
