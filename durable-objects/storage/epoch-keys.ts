/**
 * The keys one pool wraps its data keys under, a key an epoch: taken from the epoch store once and kept in memory, so
 * that sealing and opening wait for nothing.
 */
import { hkdfSync } from "node:crypto";
import { EPOCH_KEY_BYTES, type EpochStore } from "./epoch-store.ts";

export class EpochKeys {
  readonly #store: EpochStore;
  readonly #purpose: string;
  readonly #derived = new Map<number, Uint8Array>();
  #current = 0;

  /** @param purpose whose keys: each pair wraps under keys of its own, derived from the epochs' */
  constructor(store: EpochStore, purpose: string) {
    this.#store = store;
    this.#purpose = purpose;
  }

  /** The epoch that new units are sealed in; 0 before there is one. */
  get current(): number {
    return this.#current;
  }

  has(epoch: number): boolean {
    return this.#derived.has(epoch);
  }

  /** Gets a key ready. @returns false where there is no such key (any more) */
  async load(epoch: number): Promise<boolean> {
    if (this.#derived.has(epoch)) return true;
    const raw = await this.#store.read(epoch);
    if (raw === null) return false;
    // HKDF-SHA256 (RFC 5869), labelled with the purpose.
    const info = `qkd-edge data key wrapping|${this.#purpose}`;
    this.#derived.set(epoch, new Uint8Array(hkdfSync("sha256", raw, new Uint8Array(), info, EPOCH_KEY_BYTES)));
    raw.fill(0);
    return true;
  }

  /** The newest epoch there is a key of; 0 where there is none at all. */
  async newest(): Promise<number> {
    return (await this.#store.numbers()).at(-1) ?? 0;
  }

  /** New units are sealed in this epoch from now on. */
  use(epoch: number): void {
    this.#current = epoch;
  }

  /** AES-256 key that wraps data keys. @throws Error when it is not ready, because there is no such key (any more) */
  wrappingKey(epoch: number): Uint8Array {
    const key = this.#derived.get(epoch);
    if (key === undefined) throw new Error(`the key of epoch ${epoch} is gone: what it protected cannot be opened`);
    return key;
  }

  /** Nothing is sealed in these epochs any more. */
  forgetBefore(epoch: number): void {
    for (const [older, key] of this.#derived) {
      if (older >= epoch) continue;
      key.fill(0);
      this.#derived.delete(older);
    }
  }
}
