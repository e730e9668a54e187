/** The call of a conversation: its state, told to the other side, and its sound both ways. */
import { BOUNDS } from "./bounds.ts";
import type { Bytes } from "./bytes.ts";
import {
  answerCall,
  type Call,
  type CallChange,
  hangUp,
  hearCall,
  loseCall,
  NO_CALL,
  placeCall,
  tickCall,
} from "./call.ts";
import type { CallStep } from "./message.ts";
import { Rate } from "./rate.ts";
import { bytesToSamples, samplesToBytes } from "./samples.ts";

/** Microphone and loudspeaker. */
export interface Sound {
  /** @throws Error that says in plain words why there is none */
  open(capture: (samples: Int16Array) => void): Promise<void>;
  play(number: number, samples: Int16Array): void;
  close(): void;
}

export interface CallsOptions {
  readonly now: () => number;
  readonly randomNumber: () => number;
  readonly sound: Sound;
  readonly tell: (call: number, step: CallStep) => void;
  readonly sendSound: (call: number, number: number, samples: Bytes) => void;
  readonly onChange: () => void;
  /** For the timeline. */
  readonly onNote: (text: string) => void;
}

export interface CallView {
  readonly call: Call;
  readonly isMuted: boolean;
  /** Why nothing of what is said here is heard there. */
  readonly soundFault: string | null;
  /** How loud the other side is, from 0 to 1. */
  readonly level: number;
  /** Frames of sound that have come in this call. */
  readonly heardFrames: number;
}

export const NO_CALL_VIEW: CallView = { call: NO_CALL, isMuted: false, soundFault: null, level: 0, heardFrames: 0 };

export class Calls {
  readonly #options: CallsOptions;
  #view: CallView = NO_CALL_VIEW;
  #sentFrames = 0;
  readonly #heard: Rate;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#heard = new Rate(options.now, BOUNDS.soundFramesHeard);
  }

  get view(): CallView {
    return this.#view;
  }

  place(): void {
    this.#apply(placeCall(this.#view.call, this.#options.randomNumber(), this.#options.now()));
  }

  answer(accept: boolean): void {
    this.#apply(answerCall(this.#view.call, accept, this.#options.now()));
  }

  hangUp(): void {
    this.#apply(hangUp(this.#view.call));
  }

  /** The other side's page is gone. */
  lose(): void {
    this.#apply(loseCall(this.#view.call));
  }

  tick(): void {
    this.#apply(tickCall(this.#view.call, this.#options.now()));
  }

  mute(isMuted: boolean): void {
    this.#show({ isMuted });
  }

  hear(number: number, step: CallStep): void {
    this.#apply(hearCall(this.#view.call, number, step, this.#options.now()));
  }

  hearSound(call: number, number: number, samples: Bytes): void {
    const current = this.#view.call;
    if (current.state !== "talking" || current.call !== call) return;
    if (samples.length !== 2 * BOUNDS.soundFrameSamples || this.#heard.isReached) return;
    this.#heard.add();
    const heard = bytesToSamples(samples);
    this.#options.sound.play(number, heard);
    const heardFrames = this.#view.heardFrames + 1;
    this.#view = { ...this.#view, heardFrames, level: Math.max(loudness(heard), 0.8 * this.#view.level) };
    if (heardFrames % FRAMES_BETWEEN_LOOKS === 1) this.#options.onChange();
  }

  #apply({ call, tell, ended }: CallChange): void {
    const before = this.#view.call;
    if (tell !== undefined) this.#options.tell(tell.call, tell.step);
    if (call === before) return;
    this.#show({ call });
    if (call.state === "talking") void this.#talk(call.call);
    if (ended === undefined) return;
    this.#options.sound.close();
    this.#show({ isMuted: false, soundFault: null, level: 0, heardFrames: 0 });
    this.#options.onNote(inWords(before, ended, this.#options.now()));
  }

  async #talk(call: number): Promise<void> {
    this.#sentFrames = 0;
    try {
      await this.#options.sound.open((samples) => this.#capture(call, samples));
    } catch (error) {
      if (this.#isTalking(call)) this.#show({ soundFault: error instanceof Error ? error.message : String(error) });
    }
    // It is over, and no other has begun meanwhile, whose sound this would be.
    if (this.#view.call.state !== "talking") this.#options.sound.close();
  }

  #capture(call: number, samples: Int16Array): void {
    if (!this.#isTalking(call)) return;
    const number = this.#sentFrames++;
    if (!this.#view.isMuted) this.#options.sendSound(call, number, samplesToBytes(samples));
  }

  #isTalking(call: number): boolean {
    return this.#view.call.state === "talking" && this.#view.call.call === call;
  }

  #show(change: Partial<CallView>): void {
    this.#view = { ...this.#view, ...change };
    this.#options.onChange();
  }
}

/** The level is drawn a few times a second. */
const FRAMES_BETWEEN_LOOKS = 3;

/** Root mean square, on a scale that speech fills. */
function loudness(samples: Int16Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(1, Math.sqrt(power) / 6000);
}

const WORDS = { declined: "Call declined", busy: "Busy", unanswered: "Missed call", lost: "Call lost" } as const;

function inWords(call: Call, ended: keyof typeof WORDS | "ended", nowMs: number): string {
  if (ended !== "ended") return ended === "unanswered" && call.state === "calling" ? "No answer" : WORDS[ended];
  return call.state === "talking" ? `Call ended after ${duration(nowMs - call.sinceMs)}` : "Call cancelled";
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
