/**
 * JSON objects out of a stream of bytes, however it is cut: the hybridization module's protocol has no delimiter, and its
 * own server takes each segment for one object. An object ends where its braces balance; `JSON.parse` judges it later.
 *
 * Between objects blanks are passed over. Anything else there is garbage: told once, and what follows it is passed over
 * up to the next `{`, or to the end of the segment. So a client that sends `not json` has one answer and may go on.
 */
import { decodeUtf8 } from "../../bytes/json.ts";
import { LIMITS } from "../../limits.ts";
import { GrowingBuffer } from "../growing-buffer.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENER = 0x7b;
const CLOSER = 0x7d;
const BRACKET_OPENER = 0x5b;
const BRACKET_CLOSER = 0x5d;
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

export type Piece =
  | { readonly kind: "object"; readonly text: string }
  /** Each is answered with INVALID_JSON. */
  | { readonly kind: "garbage" | "not-utf8" }
  /** Larger or deeper than allowed: nothing is read any more, the connection has to end. */
  | { readonly kind: "too-large" | "too-deep" };

export class JsonSplitter {
  readonly #object = new GrowingBuffer();
  /** Braces that are open; 0 between objects. Brackets count for the depth only. */
  #braces = 0;
  #brackets = 0;
  #inString = false;
  #escaped = false;
  #broken = false;

  /** Bytes of an object that has not come whole yet. */
  get pendingBytes(): number {
    return this.#object.byteLength;
  }

  /** @returns what the segment completes, in order; nothing after `too-large` or `too-deep` */
  push(segment: Uint8Array): readonly Piece[] {
    const pieces: Piece[] = [];
    let at = 0;
    while (at < segment.length && !this.#broken) {
      at = this.#braces === 0 ? this.#between(segment, at, pieces) : this.#within(segment, at, pieces);
    }
    return pieces;
  }

  /** @returns where an object begins, or the segment ends */
  #between(segment: Uint8Array, start: number, pieces: Piece[]): number {
    let isGarbage = false;
    let at = start;
    for (; at < segment.length; at++) {
      const byte = segment[at] as number;
      if (byte === OPENER) break;
      isGarbage ||= !BLANKS.has(byte);
    }
    if (isGarbage) pieces.push({ kind: "garbage" });
    if (at === segment.length) return at;
    this.#object.append(segment.subarray(at, at + 1));
    this.#braces = 1;
    this.#brackets = 0;
    return at + 1;
  }

  /** @returns where the object, or the segment, ends */
  #within(segment: Uint8Array, start: number, pieces: Piece[]): number {
    let at = start;
    while (at < segment.length && this.#braces > 0) {
      this.#track(segment[at++] as number);
      const fault = this.#faultAfter(at - start);
      if (fault !== null) {
        pieces.push({ kind: fault });
        this.#object.take();
        this.#broken = true;
        return at;
      }
    }
    this.#object.append(segment.subarray(start, at));
    if (this.#braces === 0) {
      const text = decodeUtf8(this.#object.take());
      pieces.push(text.ok ? { kind: "object", text: text.value } : { kind: "not-utf8" });
    }
    return at;
  }

  #faultAfter(newBytes: number): "too-large" | "too-deep" | null {
    if (this.#object.byteLength + newBytes > LIMITS.streamJsonBytes) return "too-large";
    return this.#braces + this.#brackets > LIMITS.jsonDepth ? "too-deep" : null;
  }

  /** Multi-byte characters have no byte below 0x80, so bytes are enough. */
  #track(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString) {
      if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
    } else if (byte === QUOTE) this.#inString = true;
    else if (byte === OPENER) this.#braces++;
    else if (byte === CLOSER) this.#braces--;
    else if (byte === BRACKET_OPENER) this.#brackets++;
    else if (byte === BRACKET_CLOSER && this.#brackets > 0) this.#brackets--;
  }
}
