/**
 * Leases of pools: how an old copy of a pool's storage shows. A pool takes a lease at each start and again every so
 * many keys, and remembers which; the Directory remembers the last one it granted. A pool that asks with an older one
 * than that has lost what it did since. Nothing here is asked on the way of a request.
 */
import type { Lease, LeaseAnswer, LeaseCall } from "../../shared/network/directory-types.ts";
import { audit, type DirectoryParts } from "./changes.ts";
import type { PoolRow, PoolStore } from "./pool-store.ts";

export interface LeaseParts extends Pick<DirectoryParts, "store" | "outbox" | "nowMs"> {
  readonly pools: PoolStore;
}

type Verdict =
  | { readonly outcome: "granted"; readonly lease: Lease; readonly directoryIsOlder: boolean }
  | { readonly outcome: "rolled-back" };

/** @param granted the pool's last lease; undefined where the Directory knows no such pool */
export function judge(granted: Lease | undefined, { held, next, voided = false }: LeaseCall): Verdict {
  // Granted before, and the answer was lost.
  if (granted?.id === next) return { outcome: "granted", lease: granted, directoryIsOlder: false };
  const grant = (directoryIsOlder: boolean): Verdict => {
    const sequence = Math.max(granted?.sequence ?? 0, held?.sequence ?? 0) + 1;
    return { outcome: "granted", lease: { sequence, id: next }, directoryIsOlder };
  };
  // A pool with nothing in it has nothing to give out twice.
  if (voided) return grant(false);
  if (held === null) return granted === undefined ? grant(false) : { outcome: "rolled-back" };
  if (granted === undefined || held.sequence > granted.sequence) return grant(true);
  return held.sequence === granted.sequence && held.id === granted.id ? grant(false) : { outcome: "rolled-back" };
}

/** @param olderThan tells, inside the transaction, of a pool that knows more than the Directory does */
export function leasePool(parts: LeaseParts, call: LeaseCall, olderThan: (pool: string) => void): LeaseAnswer {
  return parts.store.transaction((): LeaseAnswer => {
    const known: PoolRow | undefined = parts.pools.pool(call.pool);
    const verdict = judge(known?.lease, call);
    if (verdict.outcome === "rolled-back") return verdict;
    if (verdict.directoryIsOlder) olderThan(call.pool);
    const nowMs = parts.nowMs();
    const { lease } = verdict;
    parts.pools.putPool({
      name: call.pool,
      lease,
      generation: call.generation,
      firstMs: known?.firstMs ?? nowMs,
      lastMs: nowMs,
    });
    return { outcome: "granted", lease };
  });
}

/**
 * Sequences skipped when the Directory has gone back: pools and Workers may know higher ones than it, and shall take
 * what it says from now on for newer.
 */
const SKIPPED_SEQUENCES = 2 ** 20;

/** Inside a transaction: the Directory's own storage is an old copy. What was put or revoked since is lost. */
export function goneBack(parts: LeaseParts, code: string, detail: Readonly<Record<string, string>>): void {
  parts.store.bump(SKIPPED_SEQUENCES);
  audit(parts, { act: "alarm.raised", who: "system", detail: { code, ...detail } });
}
