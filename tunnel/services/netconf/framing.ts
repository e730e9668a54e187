/**
 * RFC 6242: where a NETCONF message ends. Version 1.0 (4.3) ends it with a mark, 1.1 (4.2) cuts it into chunks with their
 * lengths; hellos are always sent as in 1.0. What comes is read piece by piece, and never beyond its bound.
 */
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";

export type FramingVersion = "1.0" | "1.1";

const END_MARK = Buffer.from("]]>]]>");
const END_OF_CHUNKS = Buffer.from("\n##\n");
/** `LF # chunk-size LF`, of ten digits at most, none of them a leading zero. */
const HEAD_BYTES = 13;
const HEAD = /^\n#([1-9]\d{0,9})\n$/;
const LARGEST_CHUNK = 2 ** 32 - 1;
const LF = 0x0a;
const HASH = 0x23;

/** A message as it goes over the wire, in memory of its own. The parts are one document together. */
export function frameOf(version: FramingVersion, parts: readonly Uint8Array[]): Buffer {
  if (version === "1.0") return Buffer.concat([...parts, END_MARK]);
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from(`\n#${sizeBytes}\n`), ...parts, END_OF_CHUNKS]);
}

/** What was received: complete messages come out. After a fault it takes nothing more. */
export class FrameReader {
  #version: FramingVersion = "1.0";
  readonly #maxBytes: number;
  /** Not looked at, or looked at and not yet told what it is. */
  #rest: Buffer = Buffer.alloc(0);
  /** What has come of a message: the first `#sizeBytes` of it. */
  #message: Buffer = Buffer.alloc(0);
  #sizeBytes = 0;
  /** Of the chunk that is being read. */
  #leftBytes = 0;
  #fault: string | null = null;

  constructor(maxBytes: number = LIMITS.netconfMessageBytes) {
    this.#maxBytes = maxBytes;
  }

  /** For what comes after the message that was taken last. */
  switchTo(version: FramingVersion): void {
    this.#version = version;
  }

  push(bytes: Uint8Array): void {
    if (this.#fault === null)
      this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
  }

  /** @returns the next message; null where it is not complete; an error for what is no NETCONF */
  next(): Result<Buffer | null, string> {
    if (this.#fault !== null) return err(this.#fault);
    const taken = this.#version === "1.0" ? this.#toMark() : this.#chunks();
    if (taken.ok) return taken;
    this.#fault = taken.error;
    this.#rest = Buffer.alloc(0);
    this.#message = Buffer.alloc(0);
    return taken;
  }

  #toMark(): Result<Buffer | null, string> {
    const end = this.#rest.indexOf(END_MARK);
    // The beginning of a mark may be at the end of what has come.
    const plainBytes = end === -1 ? Math.max(0, this.#rest.length - END_MARK.length + 1) : end;
    if (!this.#keep(plainBytes)) return this.#tooLong();
    if (end === -1) return ok(null);
    this.#rest = this.#rest.subarray(END_MARK.length);
    return ok(this.#taken());
  }

  #chunks(): Result<Buffer | null, string> {
    while (this.#rest.length > 0) {
      if (this.#leftBytes > 0) {
        const bytes = Math.min(this.#leftBytes, this.#rest.length);
        if (!this.#keep(bytes)) return this.#tooLong();
        this.#leftBytes -= bytes;
        continue;
      }
      const head = this.#head();
      if (!head.ok) return head;
      if (head.value === null) return ok(null);
      if (head.value === "end") return ok(this.#taken());
      if (head.value > this.#maxBytes - this.#sizeBytes) return this.#tooLong();
      this.#leftBytes = head.value;
    }
    return ok(null);
  }

  /** The length of the next chunk, `end` after the last one, null where it has not come yet. */
  #head(): Result<number | "end" | null, string> {
    const broken = err("a chunk does not begin as RFC 6242 says");
    if (this.#rest[0] !== LF || (this.#rest.length > 1 && this.#rest[1] !== HASH)) return broken;
    if (this.#rest.length < 4) return ok(null);
    if (this.#rest[2] === HASH) {
      if (this.#rest[3] !== LF || this.#sizeBytes === 0) return broken;
      this.#rest = this.#rest.subarray(END_OF_CHUNKS.length);
      return ok("end");
    }
    const end = this.#rest.indexOf(LF, 1);
    if (end === -1) return this.#rest.length < HEAD_BYTES ? ok(null) : broken;
    const [, digits] = HEAD.exec(this.#rest.toString("latin1", 0, Math.min(end + 1, HEAD_BYTES + 1))) ?? [];
    if (digits === undefined || Number(digits) > LARGEST_CHUNK) return broken;
    this.#rest = this.#rest.subarray(end + 1);
    return ok(Number(digits));
  }

  /** Moves so much of what has come to the message; however it was cut, that costs no more than its length. */
  #keep(bytes: number): boolean {
    const sizeBytes = this.#sizeBytes + bytes;
    if (sizeBytes > this.#maxBytes) return false;
    if (sizeBytes > this.#message.length) {
      const larger = Buffer.alloc(Math.min(this.#maxBytes, Math.max(sizeBytes, 2 * this.#message.length)));
      this.#message.copy(larger, 0, 0, this.#sizeBytes);
      this.#message = larger;
    }
    this.#rest.copy(this.#message, this.#sizeBytes, 0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    this.#sizeBytes = sizeBytes;
    return true;
  }

  #taken(): Buffer {
    const message = this.#message.subarray(0, this.#sizeBytes);
    this.#message = Buffer.alloc(0);
    this.#sizeBytes = 0;
    return message;
  }

  #tooLong(): Result<never, string> {
    return err(`a message of more than ${this.#maxBytes} bytes`);
  }
}
