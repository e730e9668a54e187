/** A stream as Node's own Duplex: what TLS runs over. */
import { Duplex } from "node:stream";
import { StreamError } from "../../../shared/mux/codes.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";

type Done = (error?: Error | null) => void;

async function settle(work: Promise<void>, done: Done): Promise<void> {
  let failure: unknown = null;
  try {
    await work;
  } catch (thrown) {
    failure = thrown;
  }
  done(failure instanceof Error ? failure : null);
}

export class StreamDuplex extends Duplex {
  readonly #stream: MuxStream;
  #reading = false;

  constructor(stream: MuxStream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    void this.#follow();
  }

  override _read(): void {
    if (!this.#reading) void this.#readOne();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    // Lent by TLS for the time of this call only, whereas a stream keeps what it is given.
    void settle(this.#stream.write(Buffer.from(chunk)), done);
  }

  override _final(done: Done): void {
    void settle(this.#stream.end(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    // No effect on a stream that has ended.
    this.#stream.reset(error === null ? "cancelled" : "service-failed");
    done(error);
  }

  async #readOne(): Promise<void> {
    this.#reading = true;
    try {
      const chunk = await this.#stream.read();
      this.#reading = false;
      this.push(chunk);
    } catch {
      // Reset: `#follow` tells.
    }
  }

  async #follow(): Promise<void> {
    const end = await this.#stream.closed;
    if (end.kind === "reset") this.destroy(new StreamError(end));
  }
}
