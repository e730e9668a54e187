/** The units that keys are cut from next, in order. Rows only: their bytes are opened when they are read. */
import type { NodeId } from "../../shared/ids.ts";
import { freeBytes, type OpenUnit, type Segment, takeSegments } from "../../shared/keypool/segments.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { UnitStore } from "./unit-store.ts";

/** Units read beyond what the present request needs. */
const UNITS_AHEAD = 16;

export class Supply {
  readonly #store: UnitStore;
  #owner: NodeId | null;
  #units: OpenUnit[] = [];
  #lastLoaded = 0;
  /** False once a look at the table found nothing beyond `#lastLoaded`. */
  #moreInStore = true;

  /** @param owner whose units keys are cut from; null: all of them */
  constructor(store: UnitStore, owner: NodeId | null) {
    this.#store = store;
    this.#owner = owner;
  }

  /** From now on keys are cut from units of this node alone; null: from all. */
  ownedBy(owner: NodeId | null): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    this.reset();
  }

  /** Are so many bytes there to be taken? */
  has(bytes: number): boolean {
    while (freeBytes(this.#units, bytes) < bytes) {
      if (!this.#moreInStore) return false;
      const wanted = Math.ceil(bytes / LIMITS.unitBytes) + UNITS_AHEAD;
      const units = this.#store.available(this.#lastLoaded, wanted, this.#owner);
      this.#moreInStore = units.length === wanted;
      this.#lastLoaded = units.at(-1)?.id ?? this.#lastLoaded;
      this.#units.push(...units.map(({ id, length, cursor }) => ({ id, length, cursor })));
    }
    return true;
  }

  /** Bytes left in the unit that is cut from next; 0 where there is none. */
  frontBytes(): number {
    this.has(1);
    const front = this.#units.find(({ cursor, length }) => cursor < length);
    return front === undefined ? 0 : front.length - front.cursor;
  }

  /** Cuts `bytes` off the front; null (and nothing moved) where there is too little. */
  take(bytes: number): Segment[] | null {
    return this.has(bytes) ? takeSegments(this.#units, bytes) : null;
  }

  /**
   * Cuts `bytes` off units whose key came over so many links at most. For callers that have told the table what the
   * running commit has taken, and have the supply start again from it: these units lie anywhere in it.
   */
  takeWithin(hops: number, bytes: number): Segment[] | null {
    const units = this.#store.availableWithin(hops, bytes, this.#owner);
    return takeSegments(
      units.map(({ id, length, cursor }) => ({ id, length, cursor })),
      bytes,
    );
  }

  /** Are so many bytes there of key that came over so many links at most, as far as the table knows? */
  hasWithin(hops: number, bytes: number): boolean {
    return freeBytes(this.#store.availableWithin(hops, bytes, this.#owner), bytes) >= bytes;
  }

  /** Tells that units were added to the table. */
  added(): void {
    this.#moreInStore = true;
  }

  /** After a commit: units given away whole are done with. */
  retire(): void {
    const first = this.#units.findIndex(({ cursor, length }) => cursor < length);
    this.#units.splice(0, first === -1 ? this.#units.length : first);
  }

  /** Forgets all that is in memory; the table is the truth. */
  reset(): void {
    this.#units = [];
    this.#lastLoaded = 0;
    this.#moreInStore = true;
  }
}
