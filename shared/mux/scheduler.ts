/**
 * Whose frame goes next: the two lists of FQ-CoDel (RFC 8290 4.2). A stream that wakes up with little to send goes into
 * the list that is served first; after its turn it has to pass through the list of all others before it may jump the
 * queue again. So interactive streams wait for one message of others, and nobody who sends without pause is ahead of anybody.
 */
import type { OutgoingMessage } from "./message.ts";

export interface Sender {
  /** Waiting to be sent, whether or not there is credit for it. */
  readonly queuedBytes: number;
  /** Whether a frame could be sent now. */
  readonly sendable: boolean;
  /** Adds its next frames to the message: a data frame, and before it what it owes the other end. */
  takeFrame(message: OutgoingMessage, maxPayloadBytes: number): void;
}

export class Scheduler {
  /** Sets serve as queues: in the order of insertion, each stream once. */
  readonly #interactive = new Set<Sender>();
  readonly #others = new Set<Sender>();
  readonly #interactiveBytes: number;
  readonly #frameBytes: number;
  readonly #turnBytes: number;

  constructor(limits: { readonly interactiveBytes: number; readonly frameBytes: number; readonly turnBytes: number }) {
    this.#interactiveBytes = limits.interactiveBytes;
    this.#frameBytes = limits.frameBytes;
    this.#turnBytes = limits.turnBytes;
  }

  /** Notes that a stream may have become sendable. */
  wake(sender: Sender): void {
    if (this.#others.has(sender) || this.#interactive.has(sender)) return;
    (sender.queuedBytes <= this.#interactiveBytes ? this.#interactive : this.#others).add(sender);
  }

  remove(sender: Sender): void {
    this.#interactive.delete(sender);
    this.#others.delete(sender);
  }

  /** Whose turn it is adds a frame. @returns false where nobody has any */
  next(message: OutgoingMessage, roomBytes: number): boolean {
    for (const sender of this.#interactive) {
      this.#interactive.delete(sender);
      this.#others.add(sender);
      if (!sender.sendable) continue;
      sender.takeFrame(message, Math.min(this.#interactiveBytes, roomBytes));
      return true;
    }
    for (const sender of this.#others) {
      this.#others.delete(sender);
      if (!sender.sendable) continue;
      // Alone, it pays for fewer headers.
      const turnBytes = this.#others.size === 0 ? this.#frameBytes : this.#turnBytes;
      this.#others.add(sender);
      sender.takeFrame(message, Math.min(turnBytes, roomBytes));
      return true;
    }
    return false;
  }
}
