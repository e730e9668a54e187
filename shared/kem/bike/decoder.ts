/**
 * The decoder: Black-Gray-Flip (Drucker, Gueron, Kostic: "QC-MDPC decoders with several shades of gray"), seven passes
 * whatever the syndrome is. Whoever steps through it by hand, as the tests do, sees what `decode` does.
 */
import { add, weight } from "./bits.ts";
import { Counters, GROUP } from "./counters.ts";
import type { BikeParameters } from "./parameters.ts";
import type { Pair, Ring } from "./ring.ts";
import { Rotator } from "./rotation.ts";

/** What decoding needs of a secret key. */
export interface DecodingKey {
  readonly halves: Pair;
  /** The places of the halves' ones. */
  readonly places: Pair;
}

/** How far below the threshold a place is still gray. */
const GRAY_DISTANCE = 3;

/** Which places a pass may flip; the first one marks them black and gray. */
export type Pass = "all-and-mark" | "black" | "gray" | "all";

export const PASSES: readonly Pass[] = ["all-and-mark", "black", "gray", "all", "all", "all", "all"];

export class Decoder {
  readonly #parameters: BikeParameters;
  readonly #ring: Ring;
  readonly #rotator: Rotator;
  readonly #counters: Counters;
  readonly #group: Int32Array;
  readonly #first: Int32Array;
  readonly #product: Int32Array;
  readonly #flips: Int32Array;
  readonly #black: Pair;
  readonly #gray: Pair;
  /** What the errors found so far leave of the first syndrome. */
  readonly syndrome: Int32Array;
  readonly errors: Pair;

  constructor(parameters: BikeParameters, ring: Ring) {
    const pair = (): Pair => [ring.element(), ring.element()];
    this.#parameters = parameters;
    this.#ring = ring;
    this.#rotator = new Rotator(parameters.blockBits);
    this.#counters = new Counters(ring.words, parameters.counterBits);
    this.#group = new Int32Array(GROUP * ring.words);
    this.#first = ring.element();
    this.#product = ring.element();
    this.#flips = ring.element();
    this.#black = pair();
    this.#gray = pair();
    this.syndrome = ring.element();
    this.errors = pair();
  }

  /** The error vector c0 + e1 h was made with, as far as it can be found; overwritten by the next, forgotten by `wipe`. */
  decode(c0: Int32Array, key: DecodingKey): Pair {
    this.start(c0, key);
    for (const [i, pass] of PASSES.entries()) {
      if (i > 0) this.renewSyndrome(key);
      this.run(pass, this.threshold(pass), key);
    }
    return this.errors;
  }

  start(c0: Int32Array, { halves: [h0] }: DecodingKey): void {
    this.#ring.multiply(this.#first, c0, h0);
    this.syndrome.set(this.#first);
    for (const block of this.errors) block.fill(0);
  }

  /** How many unsatisfied checks a place needs to be flipped. */
  threshold(pass: Pass): number {
    if (pass === "black" || pass === "gray") return (this.#parameters.halfWeight + 1) / 2 + 1;
    return adaptiveThreshold(this.#parameters, weight(this.syndrome));
  }

  /** Flips in both blocks by one and the same syndrome. */
  run(pass: Pass, threshold: number, key: DecodingKey): void {
    const flips = this.#flips;
    this.#rotator.load(this.syndrome);
    for (const block of [0, 1] as const) {
      this.#countUnsatisfied(key.places[block]);
      this.#counters.compare(flips, threshold);
      if (pass === "all-and-mark") this.#mark(block, threshold);
      if (pass === "black") restrict(flips, this.#black[block]);
      if (pass === "gray") restrict(flips, this.#gray[block]);
      const last = this.#ring.words - 1;
      flips[last] = (flips[last] as number) & this.#ring.lastMask;
      add(this.errors[block], flips);
    }
  }

  /** The first syndrome + h0 e0 + h1 e1. */
  renewSyndrome({ halves }: DecodingKey): void {
    this.syndrome.set(this.#first);
    for (const block of [0, 1] as const) {
      this.#ring.multiply(this.#product, halves[block], this.errors[block]);
      add(this.syndrome, this.#product);
    }
  }

  wipe(): void {
    this.#rotator.wipe();
    this.#counters.clear();
    const single = [this.#group, this.#first, this.#product, this.#flips, this.syndrome];
    for (const words of [...single, ...this.#black, ...this.#gray, ...this.errors]) words.fill(0);
  }

  /** Counter k <- how many of the checks that place k takes part in are unsatisfied: one bit of the syndrome each. */
  #countUnsatisfied(places: Int32Array): void {
    const { words } = this.#ring;
    this.#counters.clear();
    for (let first = 0; first < places.length; first += GROUP) {
      for (let i = 0; i < GROUP; i++) {
        if (first + i < places.length) this.#rotator.rotate(this.#group, i * words, places[first + i] as number);
        else this.#group.fill(0, i * words, (i + 1) * words);
      }
      this.#counters.count(this.#group);
    }
  }

  #mark(block: 0 | 1, threshold: number): void {
    const gray = this.#gray[block];
    this.#black[block].set(this.#flips);
    this.#counters.compare(gray, threshold - GRAY_DISTANCE);
    for (let i = 0; i < gray.length; i++) gray[i] = (gray[i] as number) & ~(this.#flips[i] as number);
  }
}

/** Of a syndrome of this weight. Without a division or a branch: the test goes through all weights. */
export function adaptiveThreshold({ threshold }: BikeParameters, syndromeWeight: number): number {
  const { offset, slope, minimum } = threshold;
  const above = Math.floor((offset + slope * syndromeWeight) * 1e-8) - minimum;
  return minimum + (above & ~(above >> 31));
}

function restrict(flips: Int32Array, mask: Int32Array): void {
  for (let i = 0; i < flips.length; i++) flips[i] = (flips[i] as number) & (mask[i] as number);
}
