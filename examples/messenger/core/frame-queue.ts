/** Frames that have come, opened one after the other: a key that one of them waits for is not overtaken. Bounded. */
import { BOUNDS } from "./bounds.ts";
import { BROWSERS } from "../../../shared/limits-browsers.ts";
import type { Bytes } from "./bytes.ts";
import { SEAL_BYTES } from "./sealer.ts";

export class FrameQueue {
  readonly #open: (frame: Bytes) => Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #bytes = 0;
  #isClosed = false;

  constructor(open: (frame: Bytes) => Promise<void>) {
    this.#open = open;
  }

  /** @param done called when the frame no longer takes up memory: at once where there is no room for it, or it is none */
  add(frame: Bytes, done: () => void): void {
    // A direct channel carries what the room would not: nothing at all, or very much.
    const isOne = frame.length >= SEAL_BYTES && frame.length <= BROWSERS.roomFrameBytes;
    if (!isOne || this.#isClosed || this.#bytes + frame.length > BOUNDS.unopenedBytes) {
      done();
      return;
    }
    this.#bytes += frame.length;
    this.#last = this.#openInTurn(this.#last, frame, done);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #openInTurn(former: Promise<void>, frame: Bytes, done: () => void): Promise<void> {
    // What was wrong with one is no reason to refuse the next.
    await former.catch(() => undefined);
    try {
      if (!this.#isClosed) await this.#open(frame);
    } catch (error) {
      // Of a conversation that is over meanwhile nobody wants to know why a key did not come.
      if (!this.#isClosed) throw error;
    } finally {
      this.#bytes -= frame.length;
      done();
    }
  }
}
