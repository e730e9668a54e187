/** What leaves a mux: control frames first, then streams' by turns, and little of either ahead of a full transport. */
import type { MuxGauges } from "./config.ts";
import { slotOf } from "./frame.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Transport {
  /**
   * Takes a frame, which is the transport's from then on. A transport that is full takes it all the same and answers
   * with a promise that resolves once there is room again.
   */
  send(frame: Uint8Array): void | Promise<void>;
  /** Ends the connection, for a reason. */
  abort?(reason: string): void;
}

export class Outbox {
  readonly #transport: Transport;
  readonly #scheduler: Scheduler;
  readonly #aheadLimitBytes: number;
  readonly #onBroken: (reason: string) => void;
  readonly #gauges: MuxGauges;
  /** A queue, each frame once. */
  readonly #control = new Set<Uint8Array>();
  readonly #controlBySlot = new Map<number, number>();
  /** Of frames whose `send` has not resolved. */
  #aheadBytes = 0;
  #flushing = false;
  #closed = false;

  constructor(
    transport: Transport,
    scheduler: Scheduler,
    gauges: MuxGauges,
    options: { readonly aheadBytes: number; readonly onBroken: (reason: string) => void },
  ) {
    this.#transport = transport;
    this.#scheduler = scheduler;
    this.#gauges = gauges;
    this.#aheadLimitBytes = options.aheadBytes;
    this.#onBroken = options.onBroken;
  }

  /** Control frames that wait for the transport, of one slot. */
  waiting(slot: number): number {
    return this.#controlBySlot.get(slot) ?? 0;
  }

  queue(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#control.add(frame);
    const slot = slotOf(frame);
    this.#controlBySlot.set(slot, this.waiting(slot) + 1);
  }

  /** Sends what there is and the transport has room for. A call from within `send` is left to the one under way. */
  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    while (!this.#closed && this.#aheadBytes < this.#aheadLimitBytes) {
      const frame = this.#takeControl() ?? this.#scheduler.next();
      if (frame === null) break;
      this.#send(frame);
    }
    this.#flushing = false;
  }

  close(): void {
    this.#closed = true;
    this.#control.clear();
    this.#controlBySlot.clear();
  }

  #takeControl(): Uint8Array | null {
    for (const frame of this.#control) {
      this.#control.delete(frame);
      const slot = slotOf(frame);
      const left = this.waiting(slot) - 1;
      if (left === 0) this.#controlBySlot.delete(slot);
      else this.#controlBySlot.set(slot, left);
      return frame;
    }
    return null;
  }

  #send(frame: Uint8Array): void {
    const bytes = frame.length; // now: a relay may have the buffer later
    this.#gauges.bytesOut += bytes;
    try {
      const full = this.#transport.send(frame);
      if (full === undefined) return;
      this.#aheadBytes += bytes;
      full.then(
        () => this.#roomAgain(bytes),
        (error: unknown) => this.#onBroken(String(error)),
      );
    } catch (error) {
      this.#onBroken(String(error));
    }
  }

  #roomAgain(bytes: number): void {
    this.#aheadBytes -= bytes;
    this.flush();
  }
}
