/**
 * What both ends work out alone from what they agreed on: frames, block sizes, permutations.
 *
 * A block is cut into frames of equal length, at most `FRAME_BITS`, the last one filled up with zeros that both ends
 * know. Each frame is corrected by itself, all of them in the same messages, under the same permutations: parities are
 * counted over all frames, so nothing changes in what leaks, while permutations are made once and stay in the cache.
 */
import { LIMITS } from "../../limits.ts";
import { permutation } from "./permutation.ts";

/** As long as 16 bits number its places; longer frames would gain less than 1 % of the leak. */
export const FRAME_BITS = 65_536;
export const PASSES = 10;
/** Outside, block sizes would stay as they are at the border. */
const ERROR_RATES = { min: 1e-5, max: 0.25 };

export interface CascadeParameters {
  readonly bits: number;
  /** Estimated share of wrong bits: it sets block sizes. A wrong one costs leak, not correctness. */
  readonly errorRate: number;
  /** 32 public random bytes, drawn after the strings were fixed. */
  readonly seed: Uint8Array;
  /** Parities beyond this many are not given, and not asked for. */
  readonly leakLimitBits: number;
}

export interface Frame {
  readonly fromBit: number;
  /** Without what fills up the last one. */
  readonly bits: number;
}

export class CascadePlan {
  readonly frames: readonly Frame[];
  readonly frameBits: number;
  /** Block size of each pass. */
  readonly sizes: readonly number[];
  readonly leakLimitBits: number;
  readonly #seed: Uint8Array;
  readonly #forward: Uint16Array[] = [];
  readonly #inverse: Uint16Array[] = [];

  /** @throws RangeError for parameters out of their bounds */
  constructor({ bits, errorRate, seed, leakLimitBits }: CascadeParameters) {
    if (!Number.isSafeInteger(bits) || bits < 1 || bits > LIMITS.bb84KeyBits) {
      throw new RangeError(`Cascade corrects 1 to ${LIMITS.bb84KeyBits} bits, not ${bits}`);
    }
    if (!(errorRate >= 0 && errorRate <= 0.5)) throw new RangeError(`an error rate is 0 to 0.5, not ${errorRate}`);
    if (!Number.isSafeInteger(leakLimitBits) || leakLimitBits < 0) {
      throw new RangeError(`the limit of the leak is a number of bits, not ${leakLimitBits}`);
    }
    if (seed.length !== 32) throw new RangeError(`the seed has 32 bytes, not ${seed.length}`);
    const count = Math.ceil(bits / FRAME_BITS);
    this.frameBits = Math.ceil(bits / count);
    this.frames = Array.from({ length: count }, (_, i) => ({
      fromBit: i * this.frameBits,
      bits: Math.min(this.frameBits, bits - i * this.frameBits),
    }));
    this.sizes = blockSizes(this.frameBits, errorRate);
    this.leakLimitBits = leakLimitBits;
    this.#seed = Uint8Array.from(seed);
  }

  /** Tops of a pass: blocks it starts from. */
  topsOf(pass: number): number {
    return Math.ceil(this.frameBits / (this.sizes[pass] as number));
  }

  /** Parities that open a pass for a frame: of all tops at first; later the last one's follows from their known sum. */
  openingBits(pass: number): number {
    return pass === 0 ? this.topsOf(pass) : this.topsOf(pass) - 1;
  }

  /** Place j of pass `pass` holds bit `forward(pass)[j]` of the frame. Made when first asked for. */
  forward(pass: number): Uint16Array {
    return (this.#forward[pass] ??= permutation(this.#seed, pass, this.frameBits));
  }

  /** Bit i of the frame lies at place `inverse(pass)[i]`. */
  inverse(pass: number): Uint16Array {
    return (this.#inverse[pass] ??= inverted(this.forward(pass)));
  }
}

/**
 * Schedule "C10": k1 = 2^round(log2(0.8 / Q)), 4 k1, 16 k1, then halves, seven times. The power of two is found by
 * multiplying, so that no library's logarithm can round it differently at the two ends.
 */
function blockSizes(frameBits: number, errorRate: number): number[] {
  const rate = Math.min(ERROR_RATES.max, Math.max(ERROR_RATES.min, errorRate));
  let first = 1;
  while (first * Math.SQRT2 <= 0.8 / rate) first *= 2;
  const half = Math.ceil(frameBits / 2);
  return Array.from({ length: PASSES }, (_, pass) => (pass < 3 ? Math.min(half, first * 4 ** pass) : half));
}

function inverted(forward: Uint16Array): Uint16Array {
  const inverse = new Uint16Array(forward.length);
  for (let place = 0; place < forward.length; place++) inverse[forward[place] as number] = place;
  return inverse;
}
