/** What the Directory promises to Workers and pools. Types only. */
import type { Fault, FaultDetail } from "../errors/errors.ts";
import type { PairName } from "../ids.ts";
import type { IpsecView, IpsecViewCall } from "../ipsec/view.ts";
import type { PoolConfig } from "../keypool/types.ts";
import type { WatchedNetwork } from "../monitor/network.ts";
import type { ModuleConfig } from "../qkd-module/rpc.ts";
import type { Result } from "../result.ts";
import type { TunnelView, TunnelViewCall } from "../tunnel/types.ts";
import type { NetworkDocument, SaeEntry } from "./document.ts";
import type { OwnRelayView, RelayViewCall, RemoteNode } from "./relay-view.ts";

/** Append-only; no rollback of the document un-revokes. */
export interface Revocation {
  readonly kind: "certificate" | "token" | "principal";
  /** Certificate: SHA-256 fingerprint, 64 hex digits. Token: its SHA-256. Principal: `sae:sae-a`. */
  readonly value: string;
  readonly reason: string;
  readonly atMs: number;
  readonly by: string;
}

/**
 * Something the document no longer holds (or holds elsewhere), whose pending keys may be fetched until `untilMs`. A pair is
 * that of a link; or of one node with itself: then the node is removed, and with its own pool go all pools of its relayed
 * keys.
 */
export type Drain =
  | { readonly kind: "sae"; readonly sae: SaeEntry; readonly pairs: readonly PairName[]; readonly untilMs: number }
  | {
      readonly kind: "pair";
      readonly pair: PairName;
      readonly config: PoolConfig;
      /** Of a removed node that another deployment hosts. */
      readonly remote?: RemoteNode;
      readonly untilMs: number;
    };

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

/** A pool's right to work. Each start of the pool takes a new one. */
export interface Lease {
  /** Grows by one with every lease of the pool. */
  readonly sequence: number;
  /** Drawn at random by the pool: two histories of one pool never share one. */
  readonly id: string;
}

export interface LeaseCall {
  /** `poolName(pair, shard)`. */
  readonly pool: string;
  /** The pool's own: how often it has voided all it had, plus one. */
  readonly generation: number;
  /** The lease the pool was granted last; null before the first. */
  readonly held: Lease | null;
  /** Id of the lease asked for, stored by the pool before: it asks again with the same one after a crash. */
  readonly next: string;
  /** The pool has just voided all it had, so that whatever it held may be out of date. */
  readonly voided?: boolean;
}

/** `rolled-back`: the pool was granted more than it knows of. */
export type LeaseAnswer = { readonly outcome: "granted"; readonly lease: Lease } | { readonly outcome: "rolled-back" };

/** The epochs of a deployment, and how far its pools have come with them. */
export interface EpochsState {
  /** In force: new material is sealed in it. */
  readonly epoch: number;
  readonly sinceMs: number;
  /** When the next one is to begin. */
  readonly endMs: number;
  /** The next one should have begun by now. */
  readonly overdue: boolean;
  /** `secrets`: keys come and go by the operator's hand. */
  readonly keptIn: "folder" | "secrets";
  /** Epochs whose keys are there. */
  readonly keys: readonly number[];
  /** Of them, those that nothing needs any more. */
  readonly removable: readonly number[];
  /** Pools that have not come along to the epoch in force yet, and the first of their names. */
  readonly laggingPools: number;
  readonly firstLagging: readonly string[];
}

/** Objects whose sockets callers keep open: SAEs those of key streams and rooms, operators the Monitor's. */
export type CallersKind = "streams" | "rooms" | "monitor";

/** Who has WebSockets at such an object. */
export interface CallersCall {
  /** Of a release before, `streams` goes without saying. */
  readonly kind?: CallersKind;
  /** The object's name. */
  readonly object: string;
  readonly callers: readonly {
    /** `principalName`. */
    readonly principal: string;
    /** Null, as its node: an operator. */
    readonly sae: string | null;
    readonly node: string | null;
    /** As in their `Standing`. */
    readonly credentials: readonly string[];
    readonly agent: string | null;
  }[];
}

/** Some of the pools that hold relayed key, or held it, of pairs that are served or drain. */
export interface RelayPools {
  readonly pools: readonly { readonly pair: PairName; readonly shard: number }[];
  /** Pass as `after` to read on; null at the end. */
  readonly next: string | null;
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
  /**
   * @param shard of the pool that asks: from then on the Directory counts on it to hold sealed units, and tells it of
   *   every new epoch. Absent from pools of the version before, of which each of the pair counts then.
   */
  poolConfig(pair: PairName, shard?: number): Promise<PoolConfig>;
  /** Asked by the QKD modules of a link. */
  moduleConfig(link: string): Promise<ModuleConfig>;
  /**
   * Asked by a KeyStream object at each start before it seals anything: the epoch in force. From then on the Directory
   * counts on it to hold sealed secrets, and tells it of every new epoch.
   */
  streamEpoch(object: string): Promise<number>;
  epochs(): Promise<Result<EpochsState, Fault>>;
  /** Begins the next epoch at once; a `conflict` where its key has to be set by hand, or too many are kept. */
  rollEpoch(call: { readonly by: string }): Promise<Result<{ readonly epoch: number }, Fault>>;
  /** Asked by a pool before it takes in, gives out or moves any key material. Idempotent per `next`. */
  leasePool(call: LeaseCall): Promise<LeaseAnswer>;
  /** In the order of their names, `poolName(pair, shard)`, behind `after`. May be fewer than `limit`, whatever follows. */
  relayPools(call: { readonly after: string; readonly limit: number }): Promise<RelayPools>;
  /** Asked by a hub of the tunnel. One that says it has connections is told of every change from then on. */
  tunnelView(call: TunnelViewCall): Promise<TunnelView | { readonly unchanged: true }>;
  /**
   * Asked by a KeyStream or Room object with sockets: which of these callers, by number, may not be there any more. As long as it
   * names some, it is told of every change.
   */
  goneCallers(call: CallersCall): Promise<readonly number[]>;
  /** Asked by a TrustedNode object, which is told of every change from then on as long as its node is hosted here. */
  relayView(call: RelayViewCall): Promise<OwnRelayView | { readonly unchanged: true }>;
  /** Asked by a ProxyAgent object, which is told of every change from then on as long as its node has an IPsec host. */
  ipsecView(call: IpsecViewCall): Promise<IpsecView | { readonly unchanged: true }>;
  /** Asked by the Monitor, which is told of every change. @param knownSequence -1: it knows none */
  monitorView(knownSequence: number): Promise<WatchedNetwork | { readonly unchanged: true }>;
}

export type PointerFault = FaultDetail & { pointer: string; message: string };
