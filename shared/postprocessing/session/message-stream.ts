/**
 * Whole messages out of a stream of bytes, however it was segmented. A message says how long it is, and its type how
 * long it may be: nothing is kept of one that claims more.
 */
import { joinBytes } from "../../bytes/join.ts";
import { BODY_LENGTH_AT, HEAD_BYTES, maxBodyBytes } from "./envelope.ts";

export class MessageStream {
  readonly #parts: Uint8Array[] = [];
  #buffered = 0;
  /** Bytes of the message that has begun, once its head is there. */
  #wanted = HEAD_BYTES;

  /**
   * @param chunk kept until its last message is complete, so it must not change
   * @returns the messages completed by it; null where the stream has lost its thread, after which it is of no use
   */
  push(chunk: Uint8Array): Uint8Array[] | null {
    this.#parts.push(chunk);
    this.#buffered += chunk.length;
    const messages: Uint8Array[] = [];
    while (this.#buffered >= this.#wanted) {
      const bytes = this.#join();
      if (this.#wanted === HEAD_BYTES) {
        const bodyBytes = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES).getUint32(BODY_LENGTH_AT);
        if (bodyBytes > maxBodyBytes(bytes)) return null;
        this.#wanted = HEAD_BYTES + bodyBytes;
        if (bytes.length < this.#wanted) break;
      }
      messages.push(bytes.subarray(0, this.#wanted));
      this.#keep(bytes.subarray(this.#wanted));
    }
    return messages;
  }

  #join(): Uint8Array {
    const whole = joinBytes(this.#parts);
    this.#parts.length = 0;
    this.#parts.push(whole);
    return whole;
  }

  #keep(rest: Uint8Array): void {
    this.#parts.length = 0;
    if (rest.length > 0) this.#parts.push(rest);
    this.#buffered = rest.length;
    this.#wanted = HEAD_BYTES;
  }
}
