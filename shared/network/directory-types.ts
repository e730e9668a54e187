/** What the Directory promises to Workers and pools. Types only. */
import type { Fault, FaultDetail } from "../errors/errors.ts";
import type { PairName } from "../ids.ts";
import type { PoolConfig } from "../keypool/types.ts";
import type { Result } from "../result.ts";
import type { NetworkDocument, SaeEntry } from "./document.ts";

/** Append-only; no rollback of the document un-revokes. */
export interface Revocation {
  readonly kind: "certificate" | "token" | "principal";
  /** Certificate: SHA-256 fingerprint, 64 hex digits. Token: its SHA-256. Principal: `sae:sae-a`. */
  readonly value: string;
  readonly reason: string;
  readonly atMs: number;
  readonly by: string;
}

/** Something the document no longer holds (or holds elsewhere), whose pending keys may be fetched until `untilMs`. */
export type Drain =
  | { readonly kind: "sae"; readonly sae: SaeEntry; readonly pairs: readonly PairName[]; readonly untilMs: number }
  | { readonly kind: "pair"; readonly pair: PairName; readonly config: PoolConfig; readonly untilMs: number };

/** All a Worker needs to authenticate and route; at most LIMITS.snapshotMaxAgeMs old when used. */
export interface Snapshot {
  /** Grows with every change: documents, revocations, drains. */
  readonly sequence: number;
  /** Version of the document; 0 before the first PUT. */
  readonly documentVersion: number;
  readonly document: NetworkDocument;
  readonly revocations: readonly Revocation[];
  readonly drains: readonly Drain[];
  /** True while the bootstrap secret (QKD_BOOTSTRAP_SHA256) is unused and within its hour. */
  readonly bootstrapOpen: boolean;
}

export interface NetworkVersion {
  readonly version: number;
  readonly atMs: number;
  readonly by: string;
}

/** What a new document would do, told before it is applied. */
export interface NetworkDiff {
  readonly changes: readonly {
    readonly pointer: string;
    readonly kind: "added" | "removed" | "changed" | "moved";
    readonly id: string;
  }[];
  /** Keys that would be voided after `drainSeconds` if nobody fetches them. */
  readonly pendingKeys: readonly {
    readonly kind: "sae" | "node" | "link";
    readonly id: string;
    readonly keys: number;
  }[];
  /** Material of links that go, not yet given to anybody: voided with them. */
  readonly unusedMaterial: readonly { readonly link: string; readonly availableBits: number }[];
  readonly drainSeconds: number;
  /** False when not every pool could be asked: `pendingKeys` and `unusedMaterial` then say too little. */
  readonly complete: boolean;
}

export interface DirectoryRpc {
  snapshot(knownSequence: number): Promise<Snapshot | { readonly unchanged: true; readonly sequence: number }>;
  /** `ifMatch`: the document version the caller saw. Faults carry `details` [{pointer, message}], one per fault. */
  putNetwork(call: {
    readonly document: unknown;
    readonly ifMatch: number;
    readonly by: string;
  }): Promise<Result<{ readonly version: number }, Fault>>;
  getNetwork(
    version: number | null,
  ): Promise<Result<{ readonly version: number; readonly document: NetworkDocument }, Fault>>;
  versions(): Promise<readonly NetworkVersion[]>;
  diff(document: unknown): Promise<Result<NetworkDiff, Fault>>;
  revoke(call: {
    readonly kind: Revocation["kind"];
    readonly value: string;
    readonly reason: string;
    readonly by: string;
    /** Even if nobody is left who could write the network; else that is a `conflict`. */
    readonly force?: boolean;
  }): Promise<Result<Revocation, Fault>>;
  poolConfig(pair: PairName): Promise<PoolConfig>;
}

export type PointerFault = FaultDetail & { pointer: string; message: string };
