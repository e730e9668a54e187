/**
 * How long somebody may still be waited for. One timer, however often the time is prolonged: a timer for every chunk
 * would cost more than the chunk.
 */
export class Patience {
  readonly #giveUp: () => void;
  #untilMs: number;
  #timer: ReturnType<typeof setTimeout> | null;

  /** @param giveUp is called once, when nothing has happened for that long */
  constructor(ms: number, giveUp: () => void) {
    this.#giveUp = giveUp;
    this.#untilMs = Date.now() + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** Something has happened: the time begins anew. */
  prolong(ms: number): void {
    this.#untilMs = Date.now() + ms;
  }

  /** Nobody is waited for any more. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const leftMs = this.#untilMs - Date.now();
    this.#timer = leftMs > 0 ? setTimeout(() => this.#look(), leftMs) : null;
    if (this.#timer === null) this.#giveUp();
  }
}
