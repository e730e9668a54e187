/** Runs where sound is made: takes the microphone's samples to the line's rate, and plays what came over the line. */
import { BOUNDS } from "../core/bounds.ts";
import { Jitter } from "../core/jitter.ts";
import { fromInt16, Resampler, toInt16 } from "../core/samples.ts";

class Capture extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, BOUNDS.soundRateHz);
  #frame = new Int16Array(BOUNDS.soundFrameSamples);
  #filled = 0;

  process([input]: readonly (readonly Float32Array[])[]): boolean {
    for (const sample of input?.[0] ?? []) this.#resampler.push(sample, (taken) => this.#add(taken));
    return true;
  }

  #add(sample: number): void {
    this.#frame[this.#filled++] = toInt16(sample);
    if (this.#filled < this.#frame.length) return;
    this.port.postMessage(this.#frame);
    this.#frame = new Int16Array(BOUNDS.soundFrameSamples);
    this.#filled = 0;
  }
}

class Playback extends AudioWorkletProcessor {
  readonly #jitter = new Jitter();
  readonly #resampler = new Resampler(BOUNDS.soundRateHz, sampleRate);
  #ready: number[] = [];

  constructor() {
    super();
    type Frame = { readonly number: number; readonly samples: Int16Array };
    this.port.addEventListener("message", ({ data }: MessageEvent<Frame>) =>
      this.#jitter.add(data.number, data.samples),
    );
    this.port.start();
  }

  process(_inputs: unknown, [output]: readonly (readonly Float32Array[])[]): boolean {
    const [channel] = output ?? [];
    if (channel === undefined) return true;
    if (this.#ready.length < channel.length) this.#refill();
    channel.set(this.#ready.splice(0, channel.length));
    return true;
  }

  #refill(): void {
    for (const sample of this.#jitter.take() ?? []) {
      this.#resampler.push(fromInt16(sample), (made) => void this.#ready.push(made));
    }
  }
}

registerProcessor("capture", Capture);
registerProcessor("playback", Playback);
