/**
 * Whose frame goes next: the two lists of FQ-CoDel (RFC 8290 4.2). A stream that wakes up with little to send goes into
 * the list that is served first; after its turn it has to pass through the list of all others before it may jump the
 * queue again. So interactive streams wait for one frame of others, and nobody who sends without pause is ahead of anybody.
 */
export interface Sender {
  /** Waiting to be sent, whether or not there is credit for it. */
  readonly queuedBytes: number;
  /** Whether a frame could be sent now. */
  readonly sendable: boolean;
  /** Encodes the next frame. */
  takeFrame(maxPayloadBytes: number): Uint8Array;
}

export class Scheduler {
  /** Sets serve as queues: in the order of insertion, each stream once. */
  readonly #interactive = new Set<Sender>();
  readonly #others = new Set<Sender>();
  readonly #interactiveBytes: number;
  readonly #frameBytes: number;

  constructor(limits: { readonly interactiveBytes: number; readonly frameBytes: number }) {
    this.#interactiveBytes = limits.interactiveBytes;
    this.#frameBytes = limits.frameBytes;
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

  /** @returns the next frame; null where nobody has any */
  next(): Uint8Array | null {
    for (const sender of this.#interactive) {
      this.#interactive.delete(sender);
      this.#others.add(sender);
      if (sender.sendable) return sender.takeFrame(this.#interactiveBytes);
    }
    for (const sender of this.#others) {
      this.#others.delete(sender);
      if (!sender.sendable) continue;
      this.#others.add(sender);
      return sender.takeFrame(this.#frameBytes);
    }
    return null;
  }
}
