/** Microphone and loudspeaker, by the Web Audio API. Nothing is recorded, and the microphone is let go with the call. */
import type { Sound } from "../core/calls.ts";
import workletUrl from "./sound-worklet.ts?worker&url";

export class BrowserSound implements Sound {
  #context: AudioContext | null = null;
  #microphone: MediaStream | null = null;
  #playback: AudioWorkletNode | null = null;

  async open(capture: (samples: Int16Array) => void): Promise<void> {
    this.close();
    const context = new AudioContext();
    this.#context = context;
    const playback = await openLoudspeaker(context);
    if (context !== this.#context) return;
    this.#playback = playback;
    // After the loudspeaker: who has no microphone can still listen.
    const microphone = await openMicrophone();
    if (context !== this.#context) {
      letGo(microphone);
      return;
    }
    this.#microphone = microphone;
    const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    node.port.addEventListener("message", ({ data }: MessageEvent<Int16Array>) => capture(data));
    node.port.start();
    context.createMediaStreamSource(microphone).connect(node);
  }

  play(number: number, samples: Int16Array): void {
    this.#playback?.port.postMessage({ number, samples });
  }

  close(): void {
    if (this.#microphone !== null) letGo(this.#microphone);
    const context = this.#context;
    [this.#context, this.#microphone, this.#playback] = [null, null, null];
    void context?.close();
  }
}

const letGo = (stream: MediaStream): void => {
  for (const track of stream.getTracks()) track.stop();
};

const FAULTS: Readonly<Record<string, string>> = {
  NotFoundError: "No microphone was found: you hear, and are not heard.",
  NotAllowedError: "The browser was not allowed to use the microphone: you hear, and are not heard.",
  NotReadableError: "Something else is using the microphone: you hear, and are not heard.",
};

/** @throws Error in plain words */
async function openLoudspeaker(context: AudioContext): Promise<AudioWorkletNode> {
  try {
    await context.audioWorklet.addModule(workletUrl);
    const playback = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    playback.connect(context.destination);
    void context.resume();
    return playback;
  } catch (error) {
    throw new Error("Sound does not work in this browser: nothing is heard.", { cause: error });
  }
}

/** @throws Error in plain words */
async function openMicrophone(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    throw new Error(FAULTS[name] ?? "The microphone does not work: you hear, and are not heard.", { cause: error });
  }
}
