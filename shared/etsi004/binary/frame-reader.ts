/**
 * Frames out of a stream of bytes, however it is cut. Every byte of a header is judged as it arrives, so nothing is kept
 * for a peer that speaks something else, or claims more than its type may have.
 */
import { GrowingBuffer } from "../growing-buffer.ts";
import { FRAME_TYPES, type FrameFault, type FrameType, HEADER_BYTES, VERSION_BYTES } from "./messages.ts";

/** One frame; the payload may be a view of the segment it came in. */
export interface Frame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

export interface Frames {
  /** In the order in which they came; those before a fault included. */
  readonly frames: readonly Frame[];
  /** Once there is one, nothing is read any more: where the next frame begins, nobody could tell. */
  readonly fault: FrameFault | null;
}

const WIRE_TYPES: Readonly<Record<"requests" | "responses", ReadonlyMap<number, FrameType>>> = {
  requests: wireTypes(["open-request", "get-key-request", "close-request"]),
  responses: wireTypes(["open-response", "get-key-response", "close-response"]),
};

function wireTypes(types: readonly FrameType[]): ReadonlyMap<number, FrameType> {
  return new Map(types.map((type) => [FRAME_TYPES[type].wire, type]));
}

export class FrameReader {
  readonly #types: ReadonlyMap<number, FrameType>;
  /** Of the frame at hand. */
  #headerBytes = 0;
  #type: FrameType | null = null;
  #payloadBytes = 0;
  readonly #payload = new GrowingBuffer();
  #fault: FrameFault | null = null;

  /** @param expected what this end reads: a key manager requests, an application responses */
  constructor(expected: "requests" | "responses") {
    this.#types = WIRE_TYPES[expected];
  }

  /** Bytes of a frame that has not come whole yet. */
  get pendingBytes(): number {
    return this.#headerBytes + this.#payload.byteLength;
  }

  push(segment: Uint8Array): Frames {
    const frames: Frame[] = [];
    let at = 0;
    while (at < segment.length && this.#fault === null) {
      if (this.#headerBytes < HEADER_BYTES) this.#fault = this.#readHeaderByte(segment[at++] as number);
      else at = this.#readPayload(segment, at, frames);
    }
    return { frames, fault: this.#fault };
  }

  #readHeaderByte(byte: number): FrameFault | null {
    const at = this.#headerBytes++;
    if (at < VERSION_BYTES.length) return byte === VERSION_BYTES[at] ? null : "bad-version";
    if (at === VERSION_BYTES.length) {
      this.#type = this.#types.get(byte) ?? null;
      this.#payloadBytes = 0;
      return this.#type === null ? "unknown-type" : null;
    }
    this.#payloadBytes = this.#payloadBytes * 256 + byte;
    return at < HEADER_BYTES - 1 || this.#lengthFits() ? null : "bad-length";
  }

  #lengthFits(): boolean {
    if (this.#type === null) return false;
    const { minBytes, maxBytes } = FRAME_TYPES[this.#type];
    return this.#payloadBytes >= minBytes && this.#payloadBytes <= maxBytes;
  }

  /** @returns where the frame, or the segment, ends */
  #readPayload(segment: Uint8Array, at: number, frames: Frame[]): number {
    const missing = this.#payloadBytes - this.#payload.byteLength;
    const piece = segment.subarray(at, at + missing);
    if (piece.length < missing || this.#payload.byteLength > 0) this.#payload.append(piece);
    if (piece.length === missing && this.#type !== null) {
      frames.push({ type: this.#type, payload: missing === this.#payloadBytes ? piece : this.#payload.take() });
      this.#headerBytes = 0;
    }
    return at + piece.length;
  }
}
