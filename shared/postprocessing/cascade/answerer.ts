/** Alice's end of Cascade: hers is the string that counts, and what she tells of it she counts. */
import { bitAt, bitWords, bytesFor, cutBits, isPacked } from "../bits.ts";
import { CascadeFault } from "./fault.ts";
import { type CascadeParameters, CascadePlan } from "./plan.ts";
import { type Group, readRequest } from "./wire.ts";

interface AnsweredFrame {
  /** In the order of pass 0, which is the string's own. */
  readonly bits: Int32Array;
  /** Of each open pass, place by place, the parity of all bits up to it. */
  readonly prefixes: Int32Array[];
}

export class CascadeAnswerer {
  readonly #plan: CascadePlan;
  readonly #frames: readonly AnsweredFrame[];
  #leakedBits = 0;

  /**
   * @param reference packed; not kept
   * @throws RangeError for parameters out of their bounds, and for a string that is not of that many bits
   */
  constructor(reference: Uint8Array, parameters: CascadeParameters) {
    const plan = new CascadePlan(parameters);
    if (!isPacked(reference, parameters.bits)) throw new RangeError(`the string is not of ${parameters.bits} bits`);
    this.#plan = plan;
    this.#frames = plan.frames.map(({ fromBit, bits }) => ({
      bits: cutBits(reference, fromBit, bits, plan.frameBits),
      prefixes: [],
    }));
  }

  /**
   * Parities given away, each one counted, whoever asked and however often: what an attacker who forges requests could
   * have learnt is in it.
   */
  get leakedBits(): number {
    return this.#leakedBits;
  }

  /**
   * The reply to a request, in work bounded by the block's length.
   * @throws CascadeFault for a request that the protocol does not allow, of which nothing is answered then
   */
  answer(request: Uint8Array): Uint8Array {
    const groups = readRequest(request, this.#plan);
    const answerBits = this.#admit(groups);
    this.#leakedBits += answerBits;
    const reply = new Uint8Array(bytesFor(answerBits));
    let next = 0;
    const say = (bit: number): void => {
      reply[next >> 3] = (reply[next >> 3] as number) | (bit << (7 - (next & 7)));
      next++;
    };
    for (const { frame, pass, places } of groups) {
      const { prefixes } = this.#frames[frame] as AnsweredFrame;
      if (places === null) this.#open(frame, pass).forEach(say);
      else for (const place of places) say(before(prefixes[pass] as Int32Array, place));
    }
    return reply;
  }

  /** Overwrites the string and what was worked out from it. Answers after it would be of zeros. */
  wipe(): void {
    for (const { bits, prefixes } of this.#frames) {
      bits.fill(0);
      for (const prefix of prefixes) prefix.fill(0);
    }
  }

  /** @returns how many bits the reply has, if it may be given */
  #admit(groups: readonly Group[]): number {
    let bits = 0;
    let [frame, open] = [-1, 0];
    for (const group of groups) {
      if (group.frame !== frame) open = (this.#frames[group.frame] as AnsweredFrame).prefixes.length;
      frame = group.frame;
      if (group.places === null ? group.pass !== open : group.pass >= open) {
        throw new CascadeFault(
          "out-of-order",
          `of frame ${frame}, ${open} passes are open; pass ${group.pass} was asked`,
        );
      }
      bits += group.places?.length ?? this.#plan.openingBits(group.pass);
      if (group.places === null) open++;
    }
    const { leakLimitBits } = this.#plan;
    if (this.#leakedBits + bits > leakLimitBits) {
      throw new CascadeFault("leak-limit", `${bits} more parities would exceed the limit of ${leakLimitBits}`);
    }
    return bits;
  }

  /** @returns the parities of the pass's tops, as many as open it */
  #open(frame: number, pass: number): Uint8Array {
    const { bits, prefixes } = this.#frames[frame] as AnsweredFrame;
    const parities = prefixParities(bits, this.#plan.forward(pass));
    prefixes.push(parities);
    const size = this.#plan.sizes[pass] as number;
    const { frameBits } = this.#plan;
    return Uint8Array.from({ length: this.#plan.openingBits(pass) }, (_, top) => {
      return before(parities, top * size) ^ before(parities, Math.min((top + 1) * size, frameBits));
    });
  }
}

/** The parity of a pass's first `place` bits. */
const before = (prefixes: Int32Array, place: number): number => (place === 0 ? 0 : bitAt(prefixes, place - 1));

/** Words are filled without a branch on a bit, of which half would be mispredicted. */
function prefixParities(bits: Int32Array, order: Uint16Array): Int32Array {
  const prefixes = bitWords(order.length);
  let parity = 0;
  for (let word = 0, place = 0; word < prefixes.length; word++) {
    const count = Math.min(32, order.length - place);
    let filled = 0;
    for (let k = 0; k < count; k++) {
      parity ^= bitAt(bits, order[place + k] as number);
      filled = (filled << 1) | parity;
    }
    prefixes[word] = filled << (32 - count);
    place += count;
  }
  return prefixes;
}
