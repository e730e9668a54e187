/**
 * Rotations of one vector by many secret distances. A word at a secret place is never read: the distance's bits, in
 * pairs from the highest, choose by masks among the vector and three shifts of it, every word each time.
 */
import { equalMask, wordsFor } from "./bits.ts";

/** Below this place of the distance lie the bits within a word (5) and three of the distance in words: the last step's. */
const LAST_STEP_PLACES = 8;
/** Words the last step shifts by, at most. */
const LAST_STEP_WORDS = 7;

export class Rotator {
  readonly #bits: number;
  readonly #words: number;
  /** The steps before the last one, longest first: each takes two bits of the distance, from this place on. */
  readonly #steps: number[] = [];
  /** The vector twice, one behind the other, and zeros as far as a step may look. */
  readonly #source: Int32Array;
  readonly #shifted: Int32Array;

  constructor(bits: number) {
    this.#bits = bits;
    this.#words = wordsFor(bits);
    let place = LAST_STEP_PLACES;
    for (; 1 << place < bits; place += 2) this.#steps.unshift(place);
    this.#source = new Int32Array(this.#words + wordsFor(1 << place));
    this.#shifted = new Int32Array(this.#words + wordsFor(1 << (place - 2)));
  }

  /** The vector to rotate; its padding is zero. */
  load(vector: Int32Array): void {
    const source = this.#source;
    source.fill(0);
    source.set(vector);
    const skip = this.#bits >> 5;
    const shift = this.#bits & 31;
    for (let i = 0; i < this.#words; i++) {
      const word = vector[i] as number;
      source[skip + i] = (source[skip + i] as number) | (word << shift);
      source[skip + i + 1] = (source[skip + i + 1] as number) | (word >>> (32 - shift));
    }
  }

  /** Bit k of `out`, from word `start` on, <- bit (k + distance) mod r of the vector. Its padding may be anything. */
  rotate(out: Int32Array, start: number, distance: number): void {
    const shifted = this.#shifted;
    let from = this.#source;
    for (const place of this.#steps) {
      const stride = wordsFor(1 << place);
      step(shifted, from, stride, this.#words + stride, (distance >> place) & 3);
      from = shifted;
    }
    lastStep(out, start, this.#words, shifted, distance);
  }

  wipe(): void {
    this.#source.fill(0);
    this.#shifted.fill(0);
  }
}

/** The first `words` of out <- those of `from` from `stride * digit` on. `out` may be `from`. */
function step(out: Int32Array, from: Int32Array, stride: number, words: number, digit: number): void {
  const mask0 = equalMask(digit, 0);
  const mask1 = equalMask(digit, 1);
  const mask2 = equalMask(digit, 2);
  const mask3 = equalMask(digit, 3);
  for (let i = 0; i < words; i++) {
    out[i] =
      ((from[i] as number) & mask0) |
      ((from[i + stride] as number) & mask1) |
      ((from[i + 2 * stride] as number) & mask2) |
      ((from[i + 3 * stride] as number) & mask3);
  }
}

/**
 * Shifts by four, two and one words and by bits, all in one sweep from the end: `x`, `y` and `z` are the words behind
 * the present one before the shift by four, after it, and after that by two; `w` is the one behind it after that by one.
 */
function lastStep(out: Int32Array, start: number, words: number, from: Int32Array, distance: number): void {
  const mask4 = -((distance >> 7) & 1);
  const mask2 = -((distance >> 6) & 1);
  const mask1 = -((distance >> 5) & 1);
  const shift = distance & 31;
  let x1 = 0;
  let x2 = 0;
  let x3 = 0;
  let x4 = 0;
  let y1 = 0;
  let y2 = 0;
  let z1 = 0;
  let w1 = 0;
  for (let i = words + LAST_STEP_WORDS; i >= 0; i--) {
    const x = from[i] as number;
    const y = x ^ ((x ^ x4) & mask4);
    const z = y ^ ((y ^ y2) & mask2);
    const w = z ^ ((z ^ z1) & mask1);
    if (i < words) out[start + i] = (w >>> shift) | ((w1 << 1) << (31 - shift));
    x4 = x3;
    x3 = x2;
    x2 = x1;
    x1 = x;
    y2 = y1;
    y1 = y;
    z1 = z;
    w1 = w;
  }
}
