/** The sender's key with its next one: asked for when it is due, one at a time, and never more often than does good. */
import type { Bytes } from "./bytes.ts";
import { importKey, KEY_BITS } from "./cipher.ts";
import type { Direction } from "./direction.ts";
import type { KeyUse, Rotation } from "./rotation.ts";
import { Sealer } from "./sealer.ts";

export interface TakenKey {
  readonly keyId: string;
  /** The taker's own, to be wiped. */
  readonly key: Uint8Array;
}

export interface SendingKeyOptions {
  readonly direction: Direction;
  readonly now: () => number;
  readonly rotation: () => Rotation;
  /** Waits for as long as there is none; rejects when `signal` says so or it is no use. */
  readonly takeKey: (sizeBits: number, signal: AbortSignal) => Promise<TakenKey>;
  /** There is one more to seal with. */
  readonly onKey: () => void;
}

/** Somebody who comes and goes costs no more keys than one in so long. */
const REPLACED_MS = 1000;
/** After a key that the other side could not have, the next one is asked for this much later, doubled each time. */
const FRUITLESS_MS = 250;
const FRUITLESS_MAX_MS = 30_000;

export class SendingKey {
  readonly #options: SendingKeyOptions;
  readonly #sealer: Sealer;
  readonly #closed = new AbortController();
  #isAsking = false;
  #fruitless = 0;
  #notBeforeMs = 0;
  #replacedMs = -Infinity;

  constructor(options: SendingKeyOptions) {
    this.#options = options;
    this.#sealer = new Sealer(options.direction);
  }

  get keyId(): string | null {
    return this.#sealer.keyId;
  }

  get use(): KeyUse | null {
    return this.#sealer.use;
  }

  /**
   * Is there a key for this? If not, one is on its way.
   * @param what `people`: what people send, under a key that is not due; `control`: what keeps the two sides together
   */
  isReadyFor(what: "people" | "control"): boolean {
    const nowMs = this.#options.now();
    const isReady = what === "control" ? this.#sealer.isUsable : this.#sealer.isFresh(this.#options.rotation(), nowMs);
    if (!isReady) void this.#ask(nowMs);
    return isReady;
  }

  countMessage(): void {
    this.#sealer.countMessage();
  }

  /** @throws Error without a usable key */
  async seal(plain: Bytes): Promise<Bytes> {
    return await this.#sealer.seal(plain);
  }

  /** The other side may have been loaded anew: what it had is gone. A key that has sealed nothing is as good as another. */
  replace(): void {
    if (this.#sealer.use?.frames === 0) return;
    this.#sealer.drop();
    const nowMs = this.#options.now();
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#replacedMs + REPLACED_MS);
    this.#replacedMs = nowMs;
  }

  /** The other side could not have this key. @returns was it the one in use? */
  isRefused(keyId: string): boolean {
    if (keyId !== this.#sealer.keyId) return false;
    this.#sealer.drop();
    this.#notBeforeMs = this.#options.now() + Math.min(FRUITLESS_MAX_MS, FRUITLESS_MS * 2 ** this.#fruitless++);
    return true;
  }

  /** The other side opens what it gets. */
  isGood(): void {
    this.#fruitless = 0;
  }

  close(): void {
    this.#closed.abort(new DOMException("closed", "AbortError"));
    this.#sealer.drop();
  }

  async #ask(nowMs: number): Promise<void> {
    if (this.#isAsking || this.#closed.signal.aborted || nowMs < this.#notBeforeMs) return;
    this.#isAsking = true;
    try {
      const { keyId, key } = await this.#options.takeKey(KEY_BITS, this.#closed.signal);
      const imported = await importKey(key);
      if (!this.#closed.signal.aborted) this.#sealer.install(keyId, imported, this.#options.now());
    } catch {
      // Whoever gives keys has said why, where people see it; what waits goes on waiting.
      this.#notBeforeMs = this.#options.now() + FRUITLESS_MS;
    } finally {
      this.#isAsking = false;
    }
    if (!this.#closed.signal.aborted) this.#options.onKey();
  }
}
