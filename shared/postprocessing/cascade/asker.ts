/** Bob's end of Cascade: asks for parities until his string is, as far as they can tell, Alice's. */
import { byteBit, bytesFor, cutBits, isPacked, pasteBits } from "../bits.ts";
import { CascadeFault } from "./fault.ts";
import { CascadeFrame } from "./frame.ts";
import { type CascadeParameters, CascadePlan } from "./plan.ts";
import { RequestWriter } from "./wire.ts";

export class CascadeAsker {
  readonly #bits: number;
  readonly #plan: CascadePlan;
  readonly #frames: readonly CascadeFrame[];
  readonly #writer = new RequestWriter();
  /** Whose questions the request under way carries, and how many bits answer them; `null` between requests. */
  #underWay: { readonly frames: readonly CascadeFrame[]; readonly answerBits: number } | null = null;
  #leakedBits = 0;
  #roundTrips = 0;

  /**
   * @param received packed; not changed, and not kept
   * @throws RangeError for parameters out of their bounds, and for a string that is not of that many bits
   */
  constructor(received: Uint8Array, parameters: CascadeParameters) {
    const plan = new CascadePlan(parameters);
    if (!isPacked(received, parameters.bits)) throw new RangeError(`the string is not of ${parameters.bits} bits`);
    this.#bits = parameters.bits;
    this.#plan = plan;
    this.#frames = plan.frames.map(({ fromBit, bits }, index) => {
      return new CascadeFrame(plan, index, cutBits(received, fromBit, bits, plan.frameBits));
    });
  }

  /** Parities learnt: no two of them the same, nor to be had from others. */
  get leakedBits(): number {
    return this.#leakedBits;
  }

  get roundTrips(): number {
    return this.#roundTrips;
  }

  get correctedErrors(): number {
    return this.#frames.reduce((sum, frame) => sum + frame.correctedErrors, 0);
  }

  /** The corrected string, packed. */
  get result(): Uint8Array {
    const bytes = new Uint8Array(bytesFor(this.#bits));
    for (const [i, { fromBit, bits }] of this.#plan.frames.entries()) {
      pasteBits(bytes, fromBit, (this.#frames[i] as CascadeFrame).bits, bits);
    }
    return bytes;
  }

  /**
   * The next request, to be followed by `take` of its reply; `null` once there is nothing more to ask.
   * @throws CascadeFault where the limit of the leak would be exceeded
   */
  next(): Uint8Array | null {
    if (this.#underWay !== null) throw new Error("a request is under way");
    const asking: CascadeFrame[] = [];
    let answerBits = 0;
    for (const frame of this.#frames) {
      const groups = frame.questions();
      if (groups.length === 0) continue;
      const places = groups.reduce((sum, group) => sum + (group.places?.length ?? 0), 0);
      if (!this.#writer.hasRoom(groups.length, places)) break; // they go with a later request
      for (const group of groups) {
        this.#writer.add(group);
        answerBits += group.places?.length ?? this.#plan.openingBits(group.pass);
      }
      asking.push(frame);
    }
    if (asking.length === 0) return null;
    const { leakLimitBits } = this.#plan;
    if (this.#leakedBits + answerBits > leakLimitBits) {
      throw new CascadeFault("leak-limit", `${answerBits} more parities would exceed the limit of ${leakLimitBits}`);
    }
    this.#underWay = { frames: asking, answerBits };
    return this.#writer.take();
  }

  /** @throws CascadeFault for a reply that does not answer the request, or contradicts earlier ones */
  take(reply: Uint8Array): void {
    if (this.#underWay === null) throw new Error("no request is under way");
    const { frames, answerBits } = this.#underWay;
    if (!isPacked(reply, answerBits)) {
      throw new CascadeFault("malformed", `a reply of ${reply.length} bytes is not one of ${answerBits} bits`);
    }
    this.#underWay = null;
    this.#leakedBits += answerBits;
    this.#roundTrips++;
    let next = 0;
    const nextBit = (): number => byteBit(reply, next++);
    for (const frame of frames) frame.learn(nextBit);
  }

  /** Overwrites the string and what was learnt of it. */
  wipe(): void {
    for (const frame of this.#frames) frame.wipe();
  }
}
