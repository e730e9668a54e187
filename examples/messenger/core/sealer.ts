/** The sending side's key: what it has sealed, and whether it may seal more. */
import type { Bytes } from "./bytes.ts";
import { sealFrame } from "./cipher.ts";
import type { Direction } from "./direction.ts";
import { HEAD_BYTES, TAG_BYTES } from "./frame.ts";
import { isDue, isWornOut, type KeyUse, type Rotation } from "./rotation.ts";

export const SEAL_BYTES = HEAD_BYTES + TAG_BYTES;

interface Current {
  readonly keyId: string;
  readonly key: CryptoKey;
  use: KeyUse;
}

export class Sealer {
  readonly #direction: Direction;
  #current: Current | null = null;

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  /** Null: there is none to seal with. */
  get keyId(): string | null {
    return this.#current?.keyId ?? null;
  }

  get use(): KeyUse | null {
    return this.#current?.use ?? null;
  }

  install(keyId: string, key: CryptoKey, nowMs: number): void {
    this.#current = { keyId, key, use: { sinceMs: nowMs, messages: 0, frames: 0, bytes: 0 } };
  }

  /** The key is no longer good for anything, as the other side does not have it. */
  drop(): void {
    this.#current = null;
  }

  /** May it seal what people send? */
  isFresh(rotation: Rotation, nowMs: number): boolean {
    return this.#current !== null && !isDue(this.#current.use, rotation, nowMs);
  }

  /** May it seal acknowledgements and greetings? */
  get isUsable(): boolean {
    return this.#current !== null && !isWornOut(this.#current.use);
  }

  /** A text, a file or a call goes under this key. */
  countMessage(): void {
    if (this.#current !== null) this.#current.use = { ...this.#current.use, messages: this.#current.use.messages + 1 };
  }

  /**
   * The counter is taken before anything is awaited, and never given back: a seal that fails leaves a gap, not a second use.
   * @throws Error without a usable key
   */
  async seal(plain: Bytes): Promise<Bytes> {
    const current = this.#current;
    if (current === null || isWornOut(current.use)) throw new Error("no key to seal with");
    const { frames, bytes } = current.use;
    current.use = { ...current.use, frames: frames + 1, bytes: bytes + plain.length };
    const head = { kind: "sealed", direction: this.#direction, keyId: current.keyId, counter: frames } as const;
    return await sealFrame(current.key, head, plain);
  }
}
