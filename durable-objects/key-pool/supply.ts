/** The units that keys are cut from next, in order. Rows only: their bytes are opened when they are read. */
import type { NodeId } from "../../shared/ids.ts";
import { freeBytes, type OpenUnit, type Segment, takeSegments } from "../../shared/keypool/segments.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { UnitStore } from "./unit-store.ts";

/** Units read beyond what the present request needs. */
const UNITS_AHEAD = 16;

export class Supply {
  readonly #store: UnitStore;
  readonly #owner: NodeId | null;
  #units: OpenUnit[] = [];
  #lastLoaded = 0;
  /** False once a look at the table found nothing beyond `#lastLoaded`. */
  #moreInStore = true;

  /** @param owner whose units keys are cut from; null: all of them */
  constructor(store: UnitStore, owner: NodeId | null) {
    this.#store = store;
    this.#owner = owner;
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

  /** Cuts `bytes` off the front; null (and nothing moved) where there is too little. */
  take(bytes: number): Segment[] | null {
    return this.has(bytes) ? takeSegments(this.#units, bytes) : null;
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
