/** What is there where sound is made (Web Audio API clause 1.32), and no library of types has. */
declare const sampleRate: number;

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(
    inputs: readonly (readonly Float32Array[])[],
    outputs: readonly (readonly Float32Array[])[],
  ): boolean;
}

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/** Vite: built by itself, its place given. */
declare module "*?worker&url" {
  const url: string;
  export default url;
}
