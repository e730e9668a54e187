/**
 * One-time tags from secret key (Wegman and Carter, J. Comput. Syst. Sci. 22, 1981): the value at r of the transcript
 * as a polynomial over GF(2^128), plus a one-time pad s. Nothing but r and s being secret is assumed, which is why the
 * polynomial runs over the transcript itself and not over a digest of it.
 */
import { Gf128Hash } from "../gf128.ts";
import { equalBytes } from "./equal.ts";
import { type BlockAuthentication, type Direction, DIRECTIONS, type Point, POINTS, UsedPoints } from "./points.ts";

export const TAG_BYTES = 16;

/** Of one block: an r for each direction, then an s for each point of the first and of the second direction. */
export const BLOCK_KEY_BYTES = TAG_BYTES * (DIRECTIONS.length + DIRECTIONS.length * POINTS.length);

/** The share of the n-th of the block's keys of 16 bytes. */
const keyAt = (keys: Uint8Array, n: number): Uint8Array => keys.subarray(n * TAG_BYTES, (n + 1) * TAG_BYTES);

const padIndex = (direction: Direction, point: Point): number =>
  DIRECTIONS.length + DIRECTIONS.indexOf(direction) * POINTS.length + POINTS.indexOf(point);

/**
 * log2 of the probability that one forged tag is accepted: (blocks of the polynomial + 1) * 2^-128.
 * @param transcriptBytes of the direction, at that point
 */
export const forgeryLog2 = (transcriptBytes: number): number =>
  Math.log2(Math.ceil(transcriptBytes / TAG_BYTES) + 1) - 8 * TAG_BYTES;

export class WegmanCarter implements BlockAuthentication {
  readonly scheme = "wegman-carter";
  readonly #keys: Uint8Array;
  readonly #own: Direction;
  readonly #hashes: Readonly<Record<Direction, Gf128Hash>>;
  readonly #absorbedBytes: Record<Direction, number> = { "alice-to-bob": 0, "bob-to-alice": 0 };
  readonly #tagged = new UsedPoints();
  readonly #verified = new UsedPoints();
  #wiped = false;

  /**
   * @param own the direction in which this end speaks
   * @param keys `BLOCK_KEY_BYTES`, equal at both ends and used for this block only; becomes this object's to wipe
   * @throws RangeError for another length
   */
  constructor(own: Direction, keys: Uint8Array) {
    if (keys.length !== BLOCK_KEY_BYTES) {
      throw new RangeError(`a block is authenticated with ${BLOCK_KEY_BYTES} bytes of key, not ${keys.length}`);
    }
    this.#own = own;
    this.#keys = keys;
    this.#hashes = {
      "alice-to-bob": new Gf128Hash(keyAt(keys, 0)),
      "bob-to-alice": new Gf128Hash(keyAt(keys, 1)),
    };
  }

  /** Of all points, each taken as long as its direction's whole transcript. */
  get forgeryLog2(): number {
    const each = DIRECTIONS.map((direction) => 2 ** forgeryLog2(this.#absorbedBytes[direction]));
    return Math.log2(POINTS.length * each.reduce((sum, probability) => sum + probability, 0));
  }

  absorb(direction: Direction, bytes: Uint8Array): void {
    this.#absorbedBytes[direction] += bytes.length;
    this.#hashes[direction].update(bytes);
  }

  tag(point: Point): Uint8Array {
    if (this.#wiped) throw new Error("the keys of the block have been erased");
    if (!this.#tagged.use(point)) throw new Error(`the ${point} tag has been made before`);
    return this.#make(this.#own, point);
  }

  verify(point: Point, tag: Uint8Array): boolean {
    if (this.#wiped || !this.#verified.use(point)) return false;
    return equalBytes(this.#make(this.#own === "alice-to-bob" ? "bob-to-alice" : "alice-to-bob", point), tag);
  }

  /** Under keys of zeros every tag is zero: none is made or fits from here on. */
  wipe(): void {
    this.#wiped = true;
    this.#keys.fill(0);
    for (const hash of Object.values(this.#hashes)) hash.wipe();
  }

  #make(direction: Direction, point: Point): Uint8Array {
    const pad = keyAt(this.#keys, padIndex(direction, point));
    return this.#hashes[direction].digest().map((byte, i) => byte ^ (pad[i] ?? 0));
  }
}
