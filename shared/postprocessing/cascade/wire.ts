/**
 * The messages of Cascade. A request is a list of groups, in ascending order of (frame, pass), each
 *
 *     frame     varint, as the distance from the group before (0 = the same frame; the first counts from 0)
 *     pass      1 byte; its highest bit set where the pass is to be opened
 *     count     varint, 1 or more  } unless opened
 *     places    count varints, each 1 or more: distances from place to place, the first from 0
 *
 * and asks for the parities of a pass's tops, or of the first `place` bits, in the pass's order, for each place: as the
 * parity of every known interval's first bits is known, each tells that of an interval's left half. A reply is the bits
 * in the request's order, packed, padded with zeros. Varints are little-endian groups of 7 bits (LEB128), at most 4.
 */
import { LIMITS } from "../../limits.ts";
import { CascadeFault } from "./fault.ts";
import { type CascadePlan, PASSES } from "./plan.ts";

const OPEN = 0x80;
const VARINT_BYTES = 4;
/** The most that a group takes beside its places, and the most that a place takes, which is below 2^16. */
const HEAD_BYTES = 2 * VARINT_BYTES + 1;
const PLACE_BYTES = 3;

export interface Group {
  readonly frame: number;
  readonly pass: number;
  /** In ascending order; `null` opens the pass. */
  readonly places: Int32Array | null;
}

export class RequestWriter {
  readonly #bytes = new Uint8Array(LIMITS.cascadeRequestBytes);
  #used = 0;
  #frame = 0;

  /** Whether so many groups with so many places in all fit surely. */
  hasRoom(groups: number, places: number): boolean {
    return this.#used + HEAD_BYTES * groups + PLACE_BYTES * places <= this.#bytes.length;
  }

  add({ frame, pass, places }: Group): void {
    this.#varint(frame - this.#frame);
    this.#frame = frame;
    this.#bytes[this.#used++] = places === null ? pass | OPEN : pass;
    if (places === null) return;
    this.#varint(places.length);
    let before = 0;
    for (const place of places) {
      this.#varint(place - before);
      before = place;
    }
  }

  /** The message; the writer is as new. */
  take(): Uint8Array {
    const message = this.#bytes.slice(0, this.#used);
    this.#used = this.#frame = 0;
    return message;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#used++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#used++] = rest;
  }
}

/**
 * Reads a request whole before any of it counts.
 * @throws CascadeFault
 */
export function readRequest(bytes: Uint8Array, plan: CascadePlan): Group[] {
  if (bytes.length === 0 || bytes.length > LIMITS.cascadeRequestBytes) {
    throw new CascadeFault("malformed", `a request has 1 to ${LIMITS.cascadeRequestBytes} bytes, not ${bytes.length}`);
  }
  const reader = new Reader(bytes);
  const groups: Group[] = [];
  let [frame, pass] = [0, -1];
  while (!reader.ended) {
    const distance = reader.varint();
    const head = reader.byte();
    const next = head & ~OPEN;
    frame += distance;
    if (frame >= plan.frames.length) throw new CascadeFault("malformed", `there are ${plan.frames.length} frames`);
    if (next >= PASSES) throw new CascadeFault("malformed", `there are ${PASSES} passes`);
    if (distance === 0 && next <= pass) throw new CascadeFault("malformed", "groups come in ascending order");
    pass = next;
    groups.push({ frame, pass, places: head === next ? reader.places(plan.frameBits) : null });
  }
  return groups;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new CascadeFault("malformed", "the request ends within a group");
    return byte;
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < VARINT_BYTES; i++) {
      const byte = this.byte();
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        if (byte === 0 && i > 0) break;
        return value;
      }
    }
    throw new CascadeFault("malformed", `a number takes as few bytes as it can, at most ${VARINT_BYTES}`);
  }

  places(frameBits: number): Int32Array {
    const count = this.varint();
    if (count === 0 || count > this.#bytes.length - this.#at) {
      throw new CascadeFault("malformed", `a group of ${count} places does not fit the request`);
    }
    const places = new Int32Array(count);
    let place = 0;
    for (let i = 0; i < count; i++) {
      const distance = this.varint();
      place += distance;
      if (distance === 0 || place >= frameBits) {
        throw new CascadeFault("malformed", `places ascend from 1 to ${frameBits - 1}`);
      }
      places[i] = place;
    }
    return places;
  }
}
