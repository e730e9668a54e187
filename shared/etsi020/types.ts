/** What a KeyPool and a KmsPeer object promise for keys of other KMSs. Types only. */
import type { Ack, Form } from "./ack.ts";
import type { Handed } from "./hand-over.ts";
import type { KeyId, NodeId, SaeId } from "../ids.ts";
import type { PoolResult, Recipient } from "../keypool/types.ts";
import type { VoidVerdict } from "./foreign-key.ts";

interface ForeignCall {
  readonly configVersion: number;
  /** `principalName` of the peer. */
  readonly principal: string;
  /** The SAE behind the peer. */
  readonly initiator: SaeId;
  /** SAEs at one node: the pool is that of it and the peer's. */
  readonly targets: readonly SaeId[];
}

export interface ForeignImportCall extends ForeignCall {
  readonly peerNode: NodeId;
  readonly targetNode: NodeId;
  /** All that the keys are for: those elsewhere are known here as rightful, but fetch theirs there. */
  readonly recipients: readonly Recipient[];
  readonly keyIds: readonly KeyId[];
  readonly sizesBytes: readonly number[];
  /** The keys, one after the other. */
  readonly bytes: Uint8Array;
}

export interface ForeignVoidCall extends ForeignCall {
  /** Null: all there are of the initiator for these targets. */
  readonly keyIds: readonly KeyId[] | null;
  /** Of all: from after this ID on. */
  readonly after: KeyId | null;
}

export interface VoidOutcome {
  readonly target: SaeId;
  readonly keyId: KeyId;
  readonly status: VoidVerdict["status"];
}

export interface ForeignKeysRpc {
  /**
   * All keys, or none. Idempotent. `conflict` where one was voided, or is known otherwise: then it says so in words for
   * the peer.
   */
  importForeign(call: ForeignImportCall): PoolResult<null>;
  /** In bounded steps where all are meant: pass `next` as `after` until it is null. Idempotent. */
  voidForeign(
    call: ForeignVoidCall,
  ): PoolResult<{ readonly outcomes: readonly VoidOutcome[]; readonly next: KeyId | null }>;
}

/** An acknowledgement on its way to a peer. */
export interface AckLetter {
  readonly url: string;
  /** The tunnel service it goes through; null: straight there. */
  readonly via: { readonly site: string; readonly service: string } | null;
  /** JSON. It names keys and holds none. */
  readonly body: string;
}

/** How a peer is told of keys of ours. */
export interface PeerReach {
  /** Base URL. */
  readonly url: string;
  /** Null: synchronous mode. */
  readonly ackUrl: string | null;
  readonly via: AckLetter["via"];
  readonly form: Form;
}

/** RPC surface of a KmsPeer object, named by the peer's id. */
export interface KmsPeerRpc {
  /**
   * Hands keys over. Ok once the peer has acknowledged all of them as `relayed`; else they are taken back from it, which
   * is durable, and `unavailable`.
   */
  handOver(call: { readonly node: NodeId; readonly reach: PeerReach; readonly handed: Handed }): PoolResult<null>;
  /** What the peer has acknowledged; of hand-overs that are no longer under way it changes nothing. */
  acknowledged(acks: readonly Ack[]): Promise<void>;
  /** Durable once answered; then it is tried until it is taken, or too old. `unavailable` where too many wait. */
  acknowledge(call: { readonly node: NodeId; readonly letter: AckLetter }): PoolResult<null>;
}
