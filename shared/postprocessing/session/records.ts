/** The two ends' records of a simulated run, of which only the detected pulses were ever drawn. */
import type { Detections, PulseRecord, SentPulses } from "./sifting.ts";

/** A part of a run; all arrays go together. */
export interface RunPart {
  readonly pulseIndexes: Float64Array;
  readonly alice: SentPulses;
  readonly bob: Omit<Detections, "pulseIndexes">;
}

/** Puts a run's parts, in their order, together: what each end knows of it. */
export function joinRun(parts: Iterable<RunPart>): { readonly sent: PulseRecord; readonly detections: Detections } {
  const all = [...parts];
  const bytes = (of: (part: RunPart) => Uint8Array): Uint8Array => {
    const whole = new Uint8Array(all.reduce((sum, part) => sum + of(part).length, 0));
    let at = 0;
    for (const part of all) {
      whole.set(of(part), at);
      at += of(part).length;
    }
    return whole;
  };
  const pulseIndexes = new Float64Array(all.reduce((sum, part) => sum + part.pulseIndexes.length, 0));
  let at = 0;
  for (const part of all) {
    pulseIndexes.set(part.pulseIndexes, at);
    at += part.pulseIndexes.length;
  }
  const sent = {
    bits: bytes(({ alice }) => alice.bits),
    bases: bytes(({ alice }) => alice.bases),
    intensities: bytes(({ alice }) => alice.intensities),
  };
  const bob = { bits: bytes((part) => part.bob.bits), bases: bytes((part) => part.bob.bases) };
  return { sent: new DetectedPulses(pulseIndexes, sent), detections: { pulseIndexes, ...bob } };
}

/** Alice's record where only the detected pulses were ever drawn, as a simulation does. */
export class DetectedPulses implements PulseRecord {
  readonly #pulseIndexes: Float64Array;
  readonly #sent: SentPulses;

  /** @param pulseIndexes ascending, those that `sent` is about */
  constructor(pulseIndexes: Float64Array, sent: SentPulses) {
    this.#pulseIndexes = pulseIndexes;
    this.#sent = sent;
  }

  lookUp(pulseIndexes: Float64Array): SentPulses | null {
    const count = pulseIndexes.length;
    const found = { bits: new Uint8Array(count), bases: new Uint8Array(count), intensities: new Uint8Array(count) };
    const known = this.#pulseIndexes;
    const { bits, bases, intensities } = this.#sent;
    let place = 0;
    for (let i = 0; i < count; i++) {
      const index = pulseIndexes[i] as number;
      while (place < known.length && (known[place] as number) < index) place++;
      if (known[place] !== index) return null;
      found.bits[i] = bits[place] as number;
      found.bases[i] = bases[place] as number;
      found.intensities[i] = intensities[place] as number;
    }
    return found;
  }

  wipe(): void {
    this.#sent.bits.fill(0);
  }
}
