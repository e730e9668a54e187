/** What a pool remembers of its leases (durable-objects/directory/leases.ts says what for). */
import type { Lease } from "../../shared/network/directory-types.ts";
import { FIRST_GENERATION } from "../env.ts";
import { storedJson } from "../storage/database.ts";
import type { Totals } from "./rows.ts";
import type { PoolStore } from "./store.ts";

/** Events of this pool that a node's audit log has and the pool does not: numbers after `afterSeq`, up to `toSeq`. */
export interface ForgottenEvents {
  readonly node: string;
  readonly afterSeq: number;
  readonly toSeq: number;
}

/** How a pool learned that its storage is an old copy. */
export type RollBackSign =
  | "lease" // the Directory has granted it more than it knows of
  | "generation" // the deployment's generation was raised
  | "audit-log"; // a log has events of it that it does not know

export interface LeaseState {
  /** The pool's own: how often it has voided all it had, plus one. */
  readonly generation: number;
  /** The deployment's, as of the pool's last lease. */
  readonly deployment: string;
  readonly held: Lease | null;
  /** Sequence of the first lease since everything was voided last; absent: nothing ever was. */
  readonly since?: number;
  /** Id of a lease asked for, until the answer is stored. */
  readonly next: string | null;
  /** Everything was voided, and nothing came in since. */
  readonly voided: boolean;
  /** Everything is to be voided; null where not. */
  readonly voiding: { readonly sign: RollBackSign; readonly forgotten: readonly ForgottenEvents[] } | null;
}

const SETTING = "lease";

/** @param deployment its generation now: a pool that is new has lived in no other */
export function readLease(store: PoolStore, totals: Totals, deployment: string): LeaseState {
  const stored = store.settings.text(SETTING);
  if (stored !== undefined) return storedJson<LeaseState>(stored);
  const isNew = totals.nextUnit === 1 && totals.nextRecord === 1;
  return {
    generation: 1,
    // Storage of a release without leases has seen the first generation at most.
    deployment: isNew ? deployment : FIRST_GENERATION,
    held: null,
    next: null,
    voided: false,
    voiding: null,
  };
}

export const writeLease = (store: PoolStore, state: LeaseState): void =>
  store.settings.put(SETTING, JSON.stringify(state));
