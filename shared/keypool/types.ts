/**
 * What a KeyPool promises to those who call it: the Worker's routes, the Directory and its sibling shards. Types only,
 * so that every runtime can import them.
 */
import type { Fault } from "../errors/errors.ts";
import type { Ksid } from "../etsi004/types.ts";
import type { HealthReport } from "../health/health.ts";
import type { BlockId, KeyId, LinkId, NodeId, PairName, SaeId } from "../ids.ts";
import type { LinkEntry, Policy } from "../network/document.ts";
import type { RemoteNode } from "../network/relay-view.ts";
import type { LinkDraw, RelayedBy, RelayId } from "../relay/types.ts";
import type { Result } from "../result.ts";
import type { PoolAlarm, PoolAlarmCode } from "./alarms.ts";
import type { KeyIdRun } from "./key-id-run.ts";
import type { Rates } from "./rates.ts";

/** What the Directory tells a pool about itself. A pool whose copy is older than a caller's `configVersion` fetches it. */
export interface PoolConfig {
  /** Snapshot sequence of the Directory (not the document's version): grows with every change, drains included. */
  readonly version: number;
  readonly pair: PairName;
  /** Absent for the `local` pool of one node. */
  readonly link: LinkId | null;
  /** `active`: gives new keys. `draining`: only fetches of pending keys. `gone`: nothing (no such link or node). */
  readonly state: "active" | "draining" | "gone";
  /**
   * `relay`: over other nodes of the network; the pool has no link then. Of a relay shard, and of the others of two nodes
   * without a link, which hold nothing but imports.
   */
  readonly source: LinkEntry["source"] | "local" | "relay";
  readonly feed: LinkEntry["feed"];
  readonly health: LinkEntry["health"];
  /** Where `health` is `condition`. */
  readonly conditioning?: {
    readonly minEntropyPerBit: number;
    /** 64 hex digits. */
    readonly publicSeed: string;
  };
  readonly keyRateBps: number;
  readonly shards: number;
  /** Of a source `relay`: shards of the link that joins the two nodes as well; absent: none does. */
  readonly linkShards?: number;
  readonly policy: Policy;
  /** The epoch in force; absent where the Directory is of the version before. */
  readonly epoch?: number;
  /** Where one of the two nodes is hosted by another deployment; absent where both are hosted here. */
  readonly remote?: {
    readonly ownNode: NodeId;
    readonly otherNode: NodeId;
    /** Where the other node's half is asked, and by which keys it is known. */
    readonly peer: RemoteNode;
  };
}

/** Every state a bit can be in (DESIGN section 3); in each, a count of bits. */
export const BIT_STATES = [
  "unmatched", // pushed by one end of a two-ended link, its twin not yet
  "quarantined", // failed a health test, or mismatched its twin
  "available",
  "reserved", // allocated, not yet acknowledged by every other half
  "pending", // given to the master, waiting for its slaves
  "delivered", // fetched by every recipient
  "pad", // spent as one-time pad
  "tag", // spent on authentication
  "condensed", // lost to conditioning
  "remainder", // too short to be used, retired
  "expired",
  "voided",
] as const;
export type BitState = (typeof BIT_STATES)[number];
export type Ledger = Readonly<Record<BitState, number>>;

export interface Recipient {
  readonly sae: SaeId;
  readonly node: NodeId;
}

/** A client's wish to be able to repeat a request: its `Idempotency-Key` and a digest of what it asked. */
export interface Idempotency {
  readonly key: string;
  /** SHA-256 hex of method, path and body: the same key with another request is refused. Holds no key material. */
  readonly requestDigest: string;
}

export interface EncKeysCall {
  readonly configVersion: number;
  readonly principal: string;
  readonly master: SaeId;
  readonly masterNode: NodeId;
  /** Path slave first. Recipients on nodes other than this pool's two are served through `imports` of their pool. */
  readonly recipients: readonly Recipient[];
  readonly count: number;
  readonly sizeBits: number;
  readonly idempotency?: Idempotency;
  readonly waits?: Waits;
  /** Only of key that came over so many links at most: 0 made in one node, 1 from a link, more over other nodes. */
  readonly maxHops?: number;
}

/** @typeParam Id runs only where many calls share a message: the release before knows none */
export interface DecKeysCall<Id extends KeyIdRun = KeyId> {
  readonly configVersion: number;
  readonly principal: string;
  readonly sae: SaeId;
  readonly master: SaeId;
  readonly keyIds: readonly Id[];
  /** Of a caller that can use no others: keys of another size are not found. */
  readonly sizeBytes?: number;
  readonly idempotency?: Idempotency;
  readonly waits?: Waits;
}

/**
 * For calls of which many come in one message. False: what would have to wait for something else is answered
 * `on-its-way` at once, and nothing is changed. True: that was the answer, and the call comes again.
 */
export type Waits = boolean;

/** One of several requests in one message. @property scope what request it is made for: see shared/telemetry/scope.ts */
export type PoolCall = ({ readonly enc: EncKeysCall } | { readonly dec: DecKeysCall<KeyIdRun> }) & {
  readonly scope?: string;
};

/**
 * Keys, in the order asked for; key i is `bytes[i * sizeBytes, (i + 1) * sizeBytes)` where all are of one size.
 * @typeParam Id as in `DecKeysCall`
 */
export interface KeyGrant<Id extends KeyIdRun = KeyId> {
  readonly keyIds: readonly Id[];
  /** Of each of `keyIds`, how many bytes a key has: those of a run are of one size. */
  readonly sizesBytes: readonly number[];
  /** The keys, concatenated. */
  readonly bytes: Uint8Array;
}

export interface IngestCall {
  readonly configVersion: number;
  readonly principal: string;
  readonly block: BlockId;
  /** The end that pushes. */
  readonly node: NodeId;
  readonly bytes: Uint8Array;
  /** For pools of source `relay`, and needed there: the block's id is `relay:<relay id>` then. */
  readonly relayed?: RelayedBy;
}

export type IngestOutcome =
  | {
      readonly outcome: "ingested" | "already-ingested" | "unmatched";
      /** Of the block as pushed. */
      readonly bits: number;
      /** Bits of it that conditioning took now. */
      readonly condensedBits?: number;
      readonly health: HealthReport;
    }
  | {
      readonly outcome: "quarantined";
      readonly bits: number;
      /** `twin-late`: the other end's half of it was given up before this one came. */
      readonly reason: "health" | "duplicate-material" | "twin-mismatch" | "twin-late";
      readonly health: HealthReport;
    };

/** What becomes of a block's key IDs: kept for the other end, or of no use to it any more (nor ever again). */
export type KeyIdsOutcome = "awaits-twin" | "settled";

/** A block that waits for its twin, which a device will give for these key IDs. */
export interface AwaitedBlock {
  readonly block: BlockId;
  readonly bits: number;
  readonly keyIds: readonly KeyId[];
}

export interface PoolStatus {
  readonly pair: PairName;
  readonly shard: number;
  readonly link: LinkId | null;
  readonly state: PoolConfig["state"];
  readonly source: PoolConfig["source"];
  /** True as soon as any simulated material ever entered. */
  readonly simulated: boolean;
  readonly custody: "edge";
  readonly ledgerBits: Ledger;
  /** Of those available: what keys are not cut from, as it is for the tags of relays. Absent in answers of the release before. */
  readonly keptForTagsBits?: number;
  /** Bits that ever entered; equals the sum of the ledger (conservation). */
  readonly ingestedBits: number;
  /** Bits that came in from, less those that went to, sibling shards; part of `ingestedBits`. */
  readonly transferredBits: number;
  /** Bits of keys imported for multicast; counted apart from the ledger. */
  readonly importedBits: number;
  readonly conserved: boolean;
  readonly level: "empty" | "low" | "normal" | "high";
  /** Of the policy: a simulated source stops at the high one, below the low one keys are shared out. */
  readonly watermarks?: { readonly lowBytes: number; readonly highBytes: number };
  /** Null while they are not known: for moments after the pool woke up. */
  readonly rates?: Rates | null;
  readonly health: { readonly blocks: number; readonly quarantinedBlocks: number; readonly last: HealthReport | null };
  /** Those that stand, latest first; absent in answers of the release before. */
  readonly alarms?: readonly PoolAlarm[];
  /** Of a source `relay`. */
  readonly relay?: RelayStatus;
  /** Key streams that are open, some of them where they are many; where they were asked for. */
  readonly streams?: readonly PoolStream[];
}

/** A key stream of ETSI GS QKD 004, by the end that opened it first. */
export interface PoolStream {
  readonly ksid: Ksid;
  readonly nodes: readonly [NodeId, NodeId];
  /** Null while nobody has come who may be this end. */
  readonly saes: readonly [SaeId | null, SaeId | null];
  readonly chunkBytes: number;
  /** Had by both ends; may be a few behind. */
  readonly delivered: number;
}

export interface RelayStatus {
  /** Of the blocks that lie here, fetched in part or not at all: links that they came over. Null: none does. */
  readonly hops: { readonly min: number; readonly max: number } | null;
  /** How much key is kept at hand, as it was used of late; 0: nobody has for minutes. */
  readonly targetBytes: number;
  /** Why key could not be brought in the last time; null: it was. */
  readonly lastFault: { readonly code: Fault["code"]; readonly message: string; readonly atMs: number } | null;
  /** Of the latest block that lies here; one path a share. */
  readonly lastPaths: RelayedBy["paths"];
}

/** Which pending keys: of an SAE (null: of everybody), from record `after` on. */
export interface PendingOf {
  readonly sae: SaeId | null;
  /** Only keys made when the SAE was at this node: those of its new place may lie in the same pool. */
  readonly node?: NodeId;
  readonly after: number;
}

export type PoolResult<T> = Promise<Result<T, Fault>>;

/** Keys of another pool's making, for recipients on a node that only this pool serves (multicast). */
export interface ImportCall {
  readonly configVersion: number;
  readonly principal: string;
  readonly master: SaeId;
  readonly masterNode: NodeId;
  /** All of them: those of other pools are known here as rightful, but fetch theirs there. */
  readonly recipients: readonly Recipient[];
  /** Nonce and mask of the key IDs, as the pool that made them draws them. */
  readonly nonce: Uint8Array;
  readonly mask: Uint8Array;
  readonly keys: number;
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
  readonly expiresMs: number;
  /** As of EncKeysCall; of the pad that the keys come under. */
  readonly maxHops?: number;
}

/** A unit on its way to a sibling shard; sealed, and both shards derive the same wrapping key. */
export interface LentUnit {
  readonly offset: number;
  readonly length: number;
  readonly owner: NodeId;
  readonly epoch: number;
  readonly wrappedKey: Uint8Array;
  readonly sealed: Uint8Array;
  /** The lender has had simulated material. */
  readonly simulated?: true;
}

/** Pad for keys that go to the pair's other node, in another deployment. */
export interface PadCall {
  readonly configVersion: number;
  readonly principal: string;
  /** Of the keys. */
  readonly bytes: number;
  readonly maxHops?: number;
}

export interface DrawnPad {
  readonly draw: LinkDraw;
  /** The name they were drawn by. */
  readonly drawn: RelayId;
  /** Pad and tag key: see sealed-import.ts. */
  readonly bytes: Uint8Array;
}
export type TakenPad = Pick<DrawnPad, "draw" | "drawn"> & Pick<PadCall, "bytes">;

/** Of a pool in two halves, asked by its siblings. */
export interface PadsRpc {
  drawPad(call: PadCall): PoolResult<DrawnPad>;
  takePad(call: TakenPad): PoolResult<Uint8Array>;
}

/** What pools ask of each other. */
export interface PoolToPoolRpc extends PadsRpc {
  /** Could `importKeys` of so many bytes succeed now? Asked before any key is cut; reserves nothing. */
  canImport(call: {
    readonly configVersion: number;
    readonly bytes: number;
    readonly maxHops?: number;
    /** Asked by a sibling, for what this shard would draw for it. */
    readonly isPad?: true;
  }): PoolResult<null>;
  importKeys(call: ImportCall): PoolResult<null>;
  /** Takes an import back; idempotent. @param from the master's node, where its deployment asks, which is another */
  voidImport(nonce: Uint8Array, from?: NodeId): PoolResult<null>;
  /**
   * Sets untouched units aside for a sibling shard. Idempotent per transfer: the same units again until settled.
   * With `brings` a shard of relayed key that has too few has some relayed first, and says why where it cannot.
   */
  lendUnits(call: {
    readonly transfer: string;
    readonly units: number;
    readonly brings?: boolean;
  }): PoolResult<readonly LentUnit[]>;
  /** The sibling has them durably: forget them. Idempotent. */
  settleTransfer(transfer: string): PoolResult<null>;
}

/** What a step towards a new epoch left to do. */
export interface EpochStep {
  /** False: nothing is sealed in an older epoch, and never will be again. */
  readonly remaining: boolean;
}

/** RPC surface of a KeyPool object, named `poolName(pair, shard)`. Shard 0 takes in all blocks. */
export interface KeyPoolRpc {
  encKeys(call: EncKeysCall): PoolResult<KeyGrant>;
  /** Also tells why not: `key-not-found` (400) or `unauthorised` (401: a key of others). All or nothing. */
  decKeys(call: DecKeysCall): PoolResult<KeyGrant>;
  /** Each as by `encKeys` or `decKeys`, and those of one message in one commit; answers in the order of the calls. */
  serveAll(calls: readonly PoolCall[]): PoolResult<readonly Result<KeyGrant<KeyIdRun>, Fault>[]>;
  /** What `decKeys` would refuse; consumes nothing. */
  checkKeys(call: DecKeysCall): PoolResult<null>;
  /** @param call.streams with the key streams that are open */
  status(call: {
    readonly configVersion: number;
    readonly principal: string;
    readonly streams?: boolean;
  }): PoolResult<PoolStatus>;
  ingest(call: IngestCall): PoolResult<IngestOutcome>;
  /** How the device names the keys that a block of this end is made of. Idempotent; the block has been pushed before. */
  putKeyIds(call: Omit<IngestCall, "bytes"> & { readonly keyIds: readonly KeyId[] }): PoolResult<KeyIdsOutcome>;
  /** Blocks with key IDs that wait for `node` to push theirs, longest known first. Read on from `next` until it is null. */
  awaitedBlocks(call: {
    readonly configVersion: number;
    readonly principal: string;
    readonly node: NodeId;
    readonly after: number;
    readonly limit: number;
  }): PoolResult<{ readonly blocks: readonly AwaitedBlock[]; readonly next: number | null }>;
  /** The alarms of a code have been looked into: they stand no longer. Idempotent. */
  clearAlarms(call: {
    readonly configVersion: number;
    readonly principal: string;
    readonly code: PoolAlarmCode;
  }): PoolResult<{ readonly cleared: number }>;
  /** Simulated material at once, whatever the source: for `--prefill` in the demo. */
  prefill(call: {
    readonly configVersion: number;
    readonly bytes: number;
  }): PoolResult<{ readonly availableBits: number }>;
  /** The Directory's nudge after a change: fetch your configuration. Idempotent. */
  refresh(configVersion: number): PoolResult<null>;
  /**
   * A new epoch: seal in it from now on, and bring over a bounded number of units. Call until nothing remains; only
   * then may the keys of older epochs go. Idempotent.
   */
  rollEpoch(call: { readonly epoch: number }): PoolResult<EpochStep>;
  /** Keys of this SAE (as master or recipient) not yet fetched. Reads in bounded steps: pass `after` until `next` is null. */
  countPending(call: PendingOf): PoolResult<{ readonly keys: number; readonly next: number | null }>;
  /** Void pending keys of an SAE, or of everybody (null) together with all material; in bounded steps likewise. */
  voidPending(
    call: PendingOf & { readonly reason: string },
  ): PoolResult<{ readonly keys: number; readonly next: number | null }>;
}
