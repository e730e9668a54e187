/**
 * The ring GF(2)[x] / (x^r - 1). An element is r bits in words, the padding of the last word zero. All positions that
 * are read are public: they depend on r alone.
 */
import { wordsFor } from "./bits.ts";
import { Multiplier } from "./product.ts";

/** Two elements, or lists of the places of their ones: the halves of a secret, the blocks of an error vector. */
export type Pair = readonly [Int32Array, Int32Array];

export class Ring {
  readonly bits: number;
  readonly words: number;
  /** The bits of an element's last word. */
  readonly lastMask: number;
  readonly #multiplier: Multiplier;
  readonly #product: Int32Array;
  readonly #power: Int32Array;
  readonly #running: Int32Array;

  /** @param bits r, odd and no multiple of 32 */
  constructor(bits: number) {
    this.bits = bits;
    this.words = wordsFor(bits);
    this.lastMask = (1 << (bits & 31)) - 1;
    this.#multiplier = new Multiplier(this.words);
    this.#product = new Int32Array(2 * this.words);
    this.#power = this.element();
    this.#running = this.element();
  }

  element(): Int32Array {
    return new Int32Array(this.words);
  }

  /**
   * `out` may be an operand. Padding that is set in an operand takes part as further coefficients, and those of the
   * product from x^(2r) on are dropped: as liboqs treats encodings that are not canonical.
   */
  multiply(out: Int32Array, a: Int32Array, b: Int32Array): void {
    const product = this.#product;
    this.#multiplier.multiply(product, a, b);
    const skip = this.bits >> 5;
    const shift = this.bits & 31;
    for (let i = 0; i < this.words; i++) {
      const from = i + skip;
      out[i] =
        (product[i] as number) ^
        (((product[from] as number) >>> shift) | ((product[from + 1] as number) << (32 - shift)));
    }
    out[this.words - 1] = (out[this.words - 1] as number) & this.lastMask;
  }

  /** out <- a^(2^k): bit p of it is bit p / 2^k mod r of a. `out` may not be `a`. */
  power2(out: Int32Array, a: Int32Array, k: number): void {
    const step = inverseOfPower2(k, this.bits);
    let from = 0;
    for (let i = 0; i < this.words; i++) {
      const bits = Math.min(32, this.bits - 32 * i);
      let word = 0;
      for (let bit = 0; bit < bits; bit++) {
        word |= (((a[from >> 5] as number) >>> (from & 31)) & 1) << bit;
        from += step - this.bits;
        from += this.bits & (from >> 31);
      }
      out[i] = word;
    }
  }

  /**
   * out <- a^-1 for an `a` of odd weight: a^(2^(r-1) - 2), by Itoh's and Tsujii's chain over the bits of r - 2
   * (Drucker, Gueron, Kostic: "Fast polynomial inversion for post quantum QC-MDPC cryptography"). `out` may not be `a`.
   */
  inverse(out: Int32Array, a: Int32Array): void {
    const exponent = this.bits - 2;
    const power = this.#power;
    const running = this.#running;
    running.set(a);
    out.set(a);
    for (let bit = 1; 1 << bit <= exponent; bit++) {
      this.power2(power, running, 1 << (bit - 1));
      this.multiply(running, running, power);
      if ((exponent >> bit) & 1) {
        this.power2(power, running, exponent & ((1 << bit) - 1));
        this.multiply(out, out, power);
      }
    }
    running.set(out);
    this.power2(out, running, 1);
  }

  /** What the operations have left in scratch. */
  wipe(): void {
    this.#multiplier.wipe();
    this.#product.fill(0);
    this.#power.fill(0);
    this.#running.fill(0);
  }
}

/** 2^-k modulo r; r^2 < 2^31 at every level. */
function inverseOfPower2(k: number, r: number): number {
  let base = (r + 1) / 2;
  let result = 1;
  for (let rest = k; rest > 0; rest >>= 1) {
    if (rest & 1) result = (result * base) % r;
    base = (base * base) % r;
  }
  return result;
}
