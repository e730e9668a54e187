/**
 * Units opened ahead of need, in the order they are given out. Keys are cut from here without any `await`, so that
 * nothing can come between the check and the write.
 */
import { freeBytes, type OpenUnit, type Segment, takeSegments } from "../../shared/keypool/segments.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PoolStore } from "./store.ts";
import type { UnitCache } from "./unit-cache.ts";
import type { Vault } from "./vault.ts";

interface SupplyUnit extends OpenUnit {
  readonly plaintext: Uint8Array;
}

/** Units opened beyond what the present request needs. */
const UNITS_AHEAD = 16;

export class Supply {
  readonly #store: PoolStore;
  readonly #vault: Vault;
  readonly #cache: UnitCache;
  #units: SupplyUnit[] = [];
  #lastLoaded = 0;
  /** False once a look at the table found nothing beyond `#lastLoaded`. */
  #moreInStore = true;
  #loading: Promise<void> | undefined;
  /** Bytes that callers of `load` wait for, all together. */
  #wantedBytes = 0;
  /** Grows with every reset: a load begun before one is thrown away. */
  #era = 0;

  constructor(store: PoolStore, vault: Vault, cache: UnitCache) {
    this.#store = store;
    this.#vault = vault;
    this.#cache = cache;
  }

  /** Units up to this one are in memory or spent; a sibling may have only later ones. */
  get lastLoaded(): number {
    return this.#lastLoaded;
  }

  /** True where opened units lie here of which nothing is given yet. */
  get hasUntouched(): boolean {
    return this.#units.some(({ cursor }) => cursor === 0);
  }

  has(bytes: number): boolean {
    return freeBytes(this.#units, bytes) >= bytes;
  }

  /** Cuts `bytes` off the front; null (and nothing moved) where too little is open. */
  take(bytes: number): Segment[] | null {
    return takeSegments(this.#units, bytes);
  }

  plaintext(unit: number): Uint8Array | undefined {
    return this.#units.find(({ id }) => id === unit)?.plaintext;
  }

  /** Tells that units were added to the table. */
  added(): void {
    this.#moreInStore = true;
  }

  /** After a commit: units given away whole go to the cache, where their keys' slaves find them. */
  retire(): void {
    while (this.#units[0] !== undefined && this.#units[0].cursor === this.#units[0].length) {
      const [unit] = this.#units.splice(0, 1);
      if (unit !== undefined) this.#cache.put(unit.id, unit.plaintext);
    }
  }

  /** Forgets all that is in memory; the table is the truth. */
  reset(): void {
    for (const unit of this.#units) unit.plaintext.fill(0);
    this.#units = [];
    this.#lastLoaded = 0;
    this.#moreInStore = true;
    this.#era++;
  }

  /** Opens units until `bytes` are ready. @returns false where the table has no more */
  async load(bytes: number): Promise<boolean> {
    this.#wantedBytes += bytes;
    try {
      return await this.#loadUntil(bytes);
    } finally {
      this.#wantedBytes -= bytes;
    }
  }

  async #loadUntil(bytes: number): Promise<boolean> {
    while (!this.has(bytes)) {
      if (!this.#moreInStore) return false;
      this.#loading ??= this.#loadMore()
        .catch((error: unknown) => {
          this.reset();
          throw error;
        })
        .finally(() => {
          this.#loading = undefined;
        });
      // Each turn depends on the one before.
      await this.#loading;
    }
    return true;
  }

  async #loadMore(): Promise<void> {
    const era = this.#era;
    const wanted = Math.ceil(this.#wantedBytes / LIMITS.unitBytes) + UNITS_AHEAD;
    const units = this.#store.availableUnits(this.#lastLoaded, Math.min(wanted, LIMITS.unitsALoad));
    if (units.length === 0) {
      this.#moreInStore = false;
      return;
    }
    // At once, not after the wait: a sibling must not borrow what is being opened here.
    this.#lastLoaded = units.at(-1)?.id ?? this.#lastLoaded;
    const sealed = this.#store.sealedUnits(units.map(({ id }) => id));
    const opened = await Promise.all(
      units.map(async ({ id, length, cursor }): Promise<SupplyUnit> => {
        const data = sealed.get(id);
        if (data === undefined) throw new Error(`unit ${id} has no data`);
        return { id, length, cursor, plaintext: await this.#vault.open(data) };
      }),
    );
    if (era !== this.#era) {
      for (const unit of opened) unit.plaintext.fill(0);
      return;
    }
    this.#units.push(...opened);
  }
}
