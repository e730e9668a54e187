/**
 * Bob's end of Cascade for one frame: what he knows of it, what he asks next, and how he repairs it.
 *
 * Every parity ever learnt is kept. In each pass the places whose prefix parity Alice has told cut the frame into
 * intervals; the two strings differ in an odd number of places within some of them. An interval that was split adds
 * nothing to its parts, one of which is odd if it was: so the odd intervals are all there is to follow up, and a flipped
 * bit changes exactly one interval of each pass.
 */
import { bitAt, bitWords, firstSetFrom, lastSetUpTo, parityOf, setBit, toggleBit } from "../bits.ts";
import { CascadeFault } from "./fault.ts";
import { type CascadePlan, PASSES } from "./plan.ts";
import type { Group } from "./wire.ts";

/** Intervals up to so many times the shortest one's length are asked about together: fewer messages for little leak. */
const BATCH_RATIO = 16;
/** What an honest Alice never makes him exceed; any number of them fits a request. */
const BATCH_PLACES = 65_536;

interface Pass {
  /** Bob's frame in this pass's order. */
  readonly bits: Int32Array;
  /** Where intervals begin; the frame's end counts as one. */
  readonly bounds: Int32Array;
  /** At each bound, Alice's parity of all bits before it. */
  readonly prefix: Int32Array;
  /** At each bound, whether the interval that begins there is odd. */
  readonly odd: Int32Array;
  oddCount: number;
}

/** Reads a reply bit by bit. */
export type NextBit = () => number;

export class CascadeFrame {
  readonly #plan: CascadePlan;
  readonly #index: number;
  readonly #passes: Pass[] = [];
  /** Passes whose tops are known. */
  #opened = 0;
  /** Asked and not yet answered. */
  #asked: readonly Group[] = [];
  /** Odd intervals of one bit, as (pass, place) in one number: bits known to be wrong. */
  #wrong: number[] = [];
  #corrected = 0;

  constructor(plan: CascadePlan, index: number, bits: Int32Array) {
    this.#plan = plan;
    this.#index = index;
    this.#passes.push(newPass(bits, plan.frameBits));
  }

  get correctedErrors(): number {
    return this.#corrected;
  }

  /** The frame, as far as it is corrected. */
  get bits(): Int32Array {
    return (this.#passes[0] as Pass).bits;
  }

  /** What to ask next: nothing, once the frame is done. */
  questions(): readonly Group[] {
    if (this.#asked.length > 0) return this.#asked;
    const shortest = this.#shortestOdd();
    if (shortest > 0) this.#asked = this.#splits(BATCH_RATIO * shortest);
    else if (this.#opened < PASSES) this.#asked = [{ frame: this.#index, pass: this.#opened, places: null }];
    return this.#asked;
  }

  /** @throws CascadeFault for parities that no string has */
  learn(nextBit: NextBit): void {
    const asked = this.#asked;
    this.#asked = [];
    for (const { pass, places } of asked) {
      if (places === null) this.#open(pass, nextBit);
      else for (const place of places) this.#split(pass, place, nextBit());
    }
    const wrong = this.#wrong;
    this.#wrong = [];
    for (const at of wrong) {
      const [pass, place] = [at >> 16, at & 0xffff];
      if (bitAt((this.#passes[pass] as Pass).odd, place) === 1) this.#flip(pass, place);
    }
  }

  wipe(): void {
    for (const { bits, prefix, odd } of this.#passes) for (const words of [bits, prefix, odd]) words.fill(0);
  }

  /** Length of the shortest odd interval, 0 where there is none. */
  #shortestOdd(): number {
    let shortest = 0;
    for (const pass of this.#passes) {
      let start = -1;
      for (let left = pass.oddCount; left > 0; left--) {
        start = firstSetFrom(pass.odd, start + 1);
        const length = firstSetFrom(pass.bounds, start + 1) - start;
        if (shortest === 0 || length < shortest) shortest = length;
      }
    }
    return shortest;
  }

  /** The middles of all odd intervals up to a length. */
  #splits(longest: number): Group[] {
    const groups: Group[] = [];
    let room = BATCH_PLACES;
    for (const [index, pass] of this.#passes.entries()) {
      const middles = new Int32Array(Math.min(pass.oddCount, room));
      let [count, start] = [0, -1];
      for (let left = pass.oddCount; left > 0 && count < room; left--) {
        start = firstSetFrom(pass.odd, start + 1);
        const length = firstSetFrom(pass.bounds, start + 1) - start;
        if (length <= longest) middles[count++] = start + (length >> 1);
      }
      if (count > 0) groups.push({ frame: this.#index, pass: index, places: middles.subarray(0, count) });
      room -= count;
    }
    return groups;
  }

  #open(index: number, nextBit: NextBit): void {
    const { frameBits, sizes } = this.#plan;
    if (index > 0) this.#passes.push(newPass(reordered(this.bits, this.#plan.forward(index)), frameBits));
    const pass = this.#passes[index] as Pass;
    const size = sizes[index] as number;
    const told = this.#plan.openingBits(index);
    let parity = 0;
    for (let top = 0; top * size < frameBits; top++) {
      const [start, end] = [top * size, Math.min((top + 1) * size, frameBits)];
      parity = top < told ? parity ^ nextBit() : bitAt((this.#passes[0] as Pass).prefix, frameBits);
      setBit(pass.bounds, end);
      if (parity === 1) setBit(pass.prefix, end);
      const odd = bitAt(pass.prefix, start) ^ parity ^ parityOf(pass.bits, start, end);
      if (odd === 1) this.#markOdd(index, start, end);
    }
    this.#opened++;
  }

  #markOdd(index: number, start: number, end: number): void {
    const pass = this.#passes[index] as Pass;
    setBit(pass.odd, start);
    pass.oddCount++;
    if (end - start === 1) this.#wrong.push((index << 16) | start);
  }

  /** Splits the odd interval around a place, before which Alice's bits have the parity told. */
  #split(index: number, middle: number, parity: number): void {
    const pass = this.#passes[index] as Pass;
    const start = lastSetUpTo(pass.bounds, middle);
    const end = firstSetFrom(pass.bounds, middle);
    setBit(pass.bounds, middle);
    if (parity === 1) setBit(pass.prefix, middle);
    const leftOdd = bitAt(pass.prefix, start) ^ parity ^ parityOf(pass.bits, start, middle);
    toggleBit(pass.odd, start);
    pass.oddCount--;
    if (leftOdd === 1) this.#markOdd(index, start, middle);
    else this.#markOdd(index, middle, end);
  }

  /** Corrects a bit: in every pass its interval changes. One of a single bit, being right already, cannot. */
  #flip(from: number, place: number): void {
    const i = this.#plan.forward(from)[place] as number;
    this.#corrected++;
    for (const [index, pass] of this.#passes.entries()) {
      const at = this.#plan.inverse(index)[i] as number;
      toggleBit(pass.bits, at);
      const start = lastSetUpTo(pass.bounds, at);
      toggleBit(pass.odd, start);
      if (bitAt(pass.odd, start) === 0) pass.oddCount--;
      else if (firstSetFrom(pass.bounds, start + 1) - start > 1) pass.oddCount++;
      else throw new CascadeFault("contradiction", "the parities told are of no string");
    }
  }
}

function newPass(bits: Int32Array, frameBits: number): Pass {
  const bounds = bitWords(frameBits + 1);
  setBit(bounds, 0);
  return { bits, bounds, prefix: bitWords(frameBits + 1), odd: bitWords(frameBits), oddCount: 0 };
}

function reordered(bits: Int32Array, order: Uint16Array): Int32Array {
  const result = bitWords(order.length);
  for (let word = 0, place = 0; word < result.length; word++) {
    const count = Math.min(32, order.length - place);
    let filled = 0;
    for (let k = 0; k < count; k++) filled = (filled << 1) | bitAt(bits, order[place + k] as number);
    result[word] = filled << (32 - count);
    place += count;
  }
  return result;
}
