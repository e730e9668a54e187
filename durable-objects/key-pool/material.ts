/**
 * The bytes of units, opened when they are read and kept for the keys beside them. What is delivered is wiped here at
 * once; what is still wanted is bounded.
 */
import type { Segment } from "../../shared/keypool/segments.ts";
import { zeroFreed } from "./freed.ts";
import type { UnitStore } from "./unit-store.ts";
import type { Vault } from "../storage/vault.ts";

export class Material {
  readonly #store: UnitStore;
  readonly #vault: Vault;
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #open = new Map<number, Uint8Array>();
  #bytes = 0;
  #latest: { readonly unit: number; readonly plaintext: Uint8Array } | undefined;

  constructor(store: UnitStore, vault: Vault, maxBytes: number) {
    this.#store = store;
    this.#vault = vault;
    this.#maxBytes = maxBytes;
  }

  /**
   * Copies what `segments` spell to the front of `target`.
   * @throws Error when a unit cannot be opened: gone, altered, or sealed in an epoch whose key is gone
   */
  copy(segments: readonly Segment[], target: Uint8Array): void {
    let position = 0;
    for (const { unit, offset, length } of segments) {
      target.set(this.#plaintext(unit).subarray(offset, offset + length), position);
      position += length;
    }
  }

  /** Bytes that nobody may read again. */
  wipe({ unit, offset, length }: Segment): void {
    this.#open.get(unit)?.fill(0, offset, offset + length);
  }

  drop(unit: number): void {
    const plaintext = this.#open.get(unit);
    if (plaintext === undefined) return;
    plaintext.fill(0);
    this.#bytes -= plaintext.length;
    this.#open.delete(unit);
    if (this.#latest?.unit === unit) this.#latest = undefined;
  }

  /** After a rollback: units that never came to be may have been opened, and their numbers are given to others. */
  forget(): void {
    for (const unit of this.#open.keys()) this.drop(unit);
  }

  #plaintext(unit: number): Uint8Array {
    if (this.#latest?.unit === unit) return this.#latest.plaintext;
    let plaintext = this.#open.get(unit);
    if (plaintext === undefined) {
      const stored = this.#store.withData(unit);
      if (stored === undefined) throw new Error(`unit ${unit} is gone`);
      plaintext = this.#vault.open(stored.data);
      if (stored.freed !== null) zeroFreed(plaintext, stored.freed);
      this.#bytes += plaintext.length;
    } else this.#open.delete(unit);
    this.#open.set(unit, plaintext);
    this.#latest = { unit, plaintext };
    this.#evict();
    return plaintext;
  }

  #evict(): void {
    for (const oldest of this.#open.keys()) {
      if (this.#bytes <= this.#maxBytes || this.#open.size === 1) return;
      this.drop(oldest);
    }
  }
}
