/** What leaves a mux: control frames first, then streams' by turns, and little of either ahead of a full transport. */
import { LIMITS } from "../limits.ts";
import type { MuxGauges } from "./config.ts";
import { HEADER_BYTES, slotOf } from "./frame.ts";
import { OutgoingMessage } from "./message.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Transport {
  /**
   * Takes a message, which is the transport's from then on. A transport that is full takes it all the same and answers
   * with a promise that resolves once there is room again.
   */
  send(message: Uint8Array): void | Promise<void>;
  /** Where a message of that length is to be written; made anew where absent. */
  room?(byteLength: number): Uint8Array;
  /** Ends the connection, for a reason. */
  abort?(reason: string): void;
}

export interface OutboxOptions {
  readonly aheadBytes: number;
  readonly messageBytes: number;
  readonly onBroken: (reason: string) => void;
  readonly soon: (act: () => void) => void;
}

/** Of a message, what its last frames may have on top of a payload: headers, and a control frame of the longest. */
const SPARE_BYTES = 4 * HEADER_BYTES + LIMITS.tunnelReasonBytes + LIMITS.tunnelServiceBytes;

export class Outbox {
  readonly #transport: Transport;
  readonly #scheduler: Scheduler;
  readonly #options: OutboxOptions;
  readonly #gauges: MuxGauges;
  /** A queue, each frame once. */
  readonly #control = new Set<Uint8Array>();
  readonly #controlBySlot = new Map<number, number>();
  /** Of messages whose `send` has not resolved. */
  #aheadBytes = 0;
  #sending = false;
  /** `soon` has been asked. */
  #due = false;
  #closed = false;

  constructor(transport: Transport, scheduler: Scheduler, gauges: MuxGauges, options: OutboxOptions) {
    this.#transport = transport;
    this.#scheduler = scheduler;
    this.#gauges = gauges;
    this.#options = options;
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

  /** What there is goes out before long, as far as the transport has room for it. */
  flush(): void {
    if (this.#due) return;
    this.#due = true;
    this.#options.soon(() => {
      this.#due = false;
      this.sendAll();
    });
  }

  close(): void {
    this.#closed = true;
    this.#control.clear();
    this.#controlBySlot.clear();
  }

  /** Now, not soon: what the transport has room for. A call from within `send` is left to the one under way. */
  sendAll(): void {
    if (this.#sending) return;
    this.#sending = true;
    while (!this.#closed && this.#aheadBytes < this.#options.aheadBytes) {
      const message = this.#gather();
      if (message.byteLength === 0) break;
      this.#send(message.bytes((byteLength) => this.#transport.room?.(byteLength) ?? new Uint8Array(byteLength)));
    }
    this.#sending = false;
  }

  #gather(): OutgoingMessage {
    const message = new OutgoingMessage();
    const { messageBytes } = this.#options;
    while (message.byteLength < messageBytes - SPARE_BYTES) {
      const control = this.#takeControl();
      if (control !== null) message.add(control);
      else if (!this.#scheduler.next(message, messageBytes - SPARE_BYTES - message.byteLength)) break;
    }
    return message;
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

  #send(message: Uint8Array): void {
    const bytes = message.length; // now: a relay may have the buffer later
    this.#gauges.bytesOut += bytes;
    try {
      const full = this.#transport.send(message);
      if (full === undefined) return;
      this.#aheadBytes += bytes;
      full.then(
        () => this.#roomAgain(bytes),
        (error: unknown) => this.#options.onBroken(String(error)),
      );
    } catch (error) {
      this.#options.onBroken(String(error));
    }
  }

  #roomAgain(bytes: number): void {
    this.#aheadBytes -= bytes;
    this.flush();
  }
}
