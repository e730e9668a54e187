/**
 * Leases of pools: how an old copy of a pool's storage shows. A pool takes a lease at each start, and again every so
 * many keys, and remembers which; the Directory remembers the last one it granted. A pool that asks with an older one
 * than that has lost what it did since. No request waits for this but the first after a start.
 */
import type { Lease, LeaseAnswer, LeaseCall } from "../../shared/network/directory-types.ts";
import { FIRST_GENERATION } from "../env.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import type { PoolStore } from "./pool-store.ts";

type Verdict =
  | { readonly outcome: "granted"; readonly lease: Lease; readonly poolIsNewer: boolean }
  | { readonly outcome: "rolled-back" };

/** @param granted the pool's last lease; undefined where the Directory knows no such pool */
export function judge(granted: Lease | undefined, { held, next, voided = false }: LeaseCall): Verdict {
  // Granted before, and the answer was lost.
  if (granted?.id === next) return { outcome: "granted", lease: granted, poolIsNewer: false };
  const grant = (poolIsNewer: boolean): Verdict => {
    const sequence = Math.max(granted?.sequence ?? 0, held?.sequence ?? 0) + 1;
    return { outcome: "granted", lease: { sequence, id: next }, poolIsNewer };
  };
  // A pool with nothing in it gives nothing out twice.
  if (voided) return grant(false);
  if (held === null) return granted === undefined ? grant(false) : { outcome: "rolled-back" };
  if (granted === undefined || held.sequence > granted.sequence) return grant(true);
  return held.sequence === granted.sequence && held.id === granted.id ? grant(false) : { outcome: "rolled-back" };
}

/**
 * Skipped when the Directory turns out to be an old copy: pools and Workers may know higher sequences than its own,
 * and shall take what it says from now on for newer.
 */
const SKIPPED_SEQUENCES = 2 ** 20;

export class Leases {
  readonly #parts: DirectoryParts;
  readonly #pools: PoolStore;
  /** Told once a start, not once a pool. */
  #toldOld = false;

  constructor(parts: DirectoryParts, pools: PoolStore) {
    this.#parts = parts;
    this.#pools = pools;
  }

  /** Notes the deployment's generation; storage that lived in another one was put back from a copy. */
  seeGeneration(generation: string): void {
    const { store } = this.#parts;
    const stored = store.generation();
    if (stored === generation) return;
    store.transaction(() => {
      const isNew = store.head().documentVersion === 0;
      const before = stored ?? (isNew ? generation : FIRST_GENERATION);
      if (before !== generation) this.#tellOld({ before, generation });
      store.setGeneration(generation);
    });
  }

  lease(call: LeaseCall): LeaseAnswer {
    return this.#parts.store.transaction((): LeaseAnswer => {
      const known = this.#pools.pool(call.pool);
      const verdict = judge(known?.lease, call);
      if (verdict.outcome === "rolled-back") return verdict;
      if (verdict.poolIsNewer) this.#tellOld({ newer_pool: call.pool });
      const nowMs = this.#parts.nowMs();
      this.#pools.putPool({
        name: call.pool,
        lease: verdict.lease,
        generation: call.generation,
        firstMs: known?.firstMs ?? nowMs,
        lastMs: nowMs,
      });
      return { outcome: "granted", lease: verdict.lease };
    });
  }

  /** The Directory's own storage is an old copy: documents put and credentials revoked since then are lost. */
  #tellOld(detail: Readonly<Record<string, string>>): void {
    if (this.#toldOld) return;
    this.#toldOld = true;
    this.#parts.store.bump(SKIPPED_SEQUENCES);
    audit(this.#parts, { act: "alarm.raised", who: "system", detail: { code: "directory-rolled-back", ...detail } });
  }
}
