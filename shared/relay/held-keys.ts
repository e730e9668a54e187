/** Key of relays that a target holds in memory, for as long as the relay may take. Whatever ends it wipes it. */
import type { RelayId, RelayTerms } from "./types.ts";

interface Held {
  readonly terms: RelayTerms;
  readonly key: Uint8Array;
}

export class HeldKeys<T extends Held> {
  readonly #max: { readonly keys: number; readonly bytes: number };
  readonly #held = new Map<RelayId, T>();
  #bytes = 0;

  constructor(max: { readonly keys: number; readonly bytes: number }) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Idempotent. */
  drop(relay: RelayId): void {
    const held = this.#held.get(relay);
    if (held === undefined) return;
    held.key.fill(0);
    this.handOver(held);
  }

  expire(nowMs: number): void {
    for (const [relay, { terms }] of this.#held) if (terms.expiresMs <= nowMs) this.drop(relay);
  }

  protected find(relay: RelayId): T | undefined {
    return this.#held.get(relay);
  }

  protected hasRoomFor({ bytes }: RelayTerms): boolean {
    return this.#held.size < this.#max.keys && this.#bytes + bytes <= this.#max.bytes;
  }

  /** @param held of a relay of which there is nothing yet */
  protected hold(held: T): void {
    this.#held.set(held.terms.relay, held);
    this.#bytes += held.terms.bytes;
  }

  /** Its key is not held any more, and stays as it is. */
  protected handOver({ terms }: T): void {
    this.#held.delete(terms.relay);
    this.#bytes -= terms.bytes;
  }
}
