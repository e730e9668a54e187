/** Samples between a microphone's rate and the line's: 16-bit PCM, one channel, little-endian on the line. */
import type { Bytes } from "./bytes.ts";
import { viewOf } from "./bytes.ts";

export function samplesToBytes(samples: Int16Array): Bytes {
  const bytes = new Uint8Array(2 * samples.length);
  const view = viewOf(bytes);
  samples.forEach((sample, i) => view.setInt16(2 * i, sample, true));
  return bytes;
}

export function bytesToSamples(bytes: Uint8Array): Int16Array {
  const view = viewOf(bytes);
  return Int16Array.from({ length: bytes.length >> 1 }, (_, i) => view.getInt16(2 * i, true));
}

/**
 * By averaging what falls into a sample's time, which also keeps out most of what the lower rate cannot carry; upwards the
 * nearest sample. State is kept between calls, so pieces of any length join without a click.
 */
export class Resampler {
  readonly #step: number;
  #phase = 0;
  #sum = 0;
  #count = 0;
  #last = 0;

  constructor(fromHz: number, toHz: number) {
    this.#step = toHz / fromHz;
  }

  /** @param give called with each sample of the other rate, in [-1, 1] as it came */
  push(sample: number, give: (sample: number) => void): void {
    this.#sum += sample;
    this.#count++;
    this.#last = sample;
    this.#phase += this.#step;
    while (this.#phase >= 1) {
      this.#phase -= 1;
      give(this.#count === 0 ? this.#last : this.#sum / this.#count);
      [this.#sum, this.#count] = [0, 0];
    }
  }
}

export const toInt16 = (sample: number): number => Math.round(32_767 * Math.max(-1, Math.min(1, sample)));
export const fromInt16 = (sample: number): number => sample / 32_768;
