/**
 * What a KeyPool promises to the KeyStream halves of its pair. The pool registers each stream once, for both ends, so
 * that they can be opened in either order and at the same time; it makes the chunks, and remembers who has had which.
 * Chunk `index` of a stream is cut once, whichever end asks first, and read once by each end. Types only.
 */
import type { Ksid, StreamEnd, StreamPeer } from "../etsi004/types.ts";
import type { Qos } from "../etsi004/qos.ts";
import type { HybridTerms } from "../hybrid/edge/terms.ts";
import type { NodeId, SaeId } from "../ids.ts";
import type { PoolResult } from "./types.ts";

export interface StreamOpenCall {
  readonly configVersion: number;
  readonly principal: string;
  readonly ksid: Ksid;
  readonly self: StreamEnd;
  readonly peer: StreamPeer;
  readonly qos: Qos;
  /** QoS that cannot be met opens the stream with what can be. */
  readonly opensAdjusted: boolean;
  /** Of a hybrid stream: both ends have to name the same, or the second is refused with a `conflict`. */
  readonly hybrid?: HybridTerms;
}

export type EndState = "absent" | "open" | "closed";

/** A stream as registered. */
export interface StreamState {
  /** Number of this stream in its pool: a KSID that is opened anew is another stream. */
  readonly instance: number;
  readonly qos: Qos;
  /** Which of the two opened it first, and owns its QoS. */
  readonly ends: readonly [StreamEndState, StreamEndState];
  /** Trusted nodes that the key at hand came over, at most. 0: a direct link, or none needed. */
  readonly hops: number;
  /** The next chunk to be made. */
  readonly nextIndex: number;
  /** What its chunks are a part of; they are EDGE_QKD_BYTES long then, whatever the QoS. */
  readonly hybrid?: HybridTerms;
  /** Which of its nodes another deployment hosts; absent: none. That end's half is told of news through the pool. */
  readonly remoteNode?: NodeId;
}

/** Chunks of one stream that were made together: key k of their record is chunk `first + k`. */
export interface ChunkRun {
  readonly instance: number;
  readonly first: number;
  readonly madeMs: number;
}

export interface StreamEndState {
  /** Null while nobody has come who may be this end. */
  readonly sae: SaeId | null;
  readonly node: StreamEnd["node"];
  readonly state: EndState;
}

export type StreamOpened =
  | { readonly outcome: "opened" | "joined" | "same-end"; readonly stream: StreamState }
  /** Registered with `stream.qos` if `opensAdjusted`, else not at all. */
  | { readonly outcome: "qos-not-met"; readonly qos: Qos; readonly stream: StreamState | null }
  /** Other applications have it, or this one has and was closed in it. */
  | { readonly outcome: "in-use" };

export interface ChunksCall {
  readonly configVersion: number;
  readonly principal: string;
  readonly ksid: Ksid;
  readonly instance: number;
  readonly self: StreamEnd;
  /** Chunks to hand over, all or none, lowest first, without repeats. */
  readonly indices: readonly number[];
  /** Further chunks after the last of them that are handed over too where they are there or can be made, in one go. */
  readonly readAhead: number;
  /** How long to wait for material to come in; 0: not at all. Streams of higher priority are served first. */
  readonly waitMs: number;
  /** This end has closed the stream, and its binding lets it fetch what had been made before. */
  readonly afterClose: boolean;
  /** True of a half that mixes chunks with KEM secrets: of a hybrid stream none are handed to any other. */
  readonly hybrid?: boolean;
}

export type ChunksAnswer =
  | {
      readonly outcome: "handed";
      /** Those asked for, then those read ahead. */
      readonly chunks: readonly HandedChunk[];
      /** The chunks in that order, concatenated. */
      readonly bytes: Uint8Array;
    }
  /** Had by this end before, expired, or never to be. */
  | { readonly outcome: "gone" }
  | { readonly outcome: "insufficient" }
  | { readonly outcome: "peer-absent" }
  | { readonly outcome: "closed" | "unknown" };

export interface HandedChunk {
  readonly index: number;
  readonly madeMs: number;
  /** Trusted nodes that its key came over, at most; absent: none. */
  readonly hops?: number;
}

/** As a pool answers the other half, which has the same bits: where they lie, and never their bytes. */
export interface PlacedChunk extends HandedChunk {
  /** Of the record that was announced, in hexadecimal; and which of its keys. */
  readonly nonce: string;
  readonly key: number;
}
export interface ChunksPlaced {
  readonly outcome: "placed";
  readonly chunks: readonly PlacedChunk[];
}

/** What KeyStream halves ask of a pool. */
export interface StreamPoolRpc {
  openStream(call: StreamOpenCall): PoolResult<StreamOpened>;
  /** Null: there is none, or none of this SAE. */
  streamState(call: {
    readonly configVersion: number;
    readonly ksid: Ksid;
    readonly sae: SaeId;
  }): PoolResult<StreamState | null>;
  /**
   * Hands chunks to one end, made first where they are not. What is handed is the end's, and never handed to it again:
   * its bytes are erased once the other end has had them too and this one has let go of them (`settleChunks`, or
   * LIMITS.streamHoldMs).
   */
  chunks(call: ChunksCall): PoolResult<ChunksAnswer>;
  /**
   * Of chunks handed to this end: those of `handedBack` have reached nobody and can be handed again; the end is done with
   * all others.
   */
  settleChunks(call: {
    readonly ksid: Ksid;
    readonly instance: number;
    readonly self: StreamEnd;
    readonly handedBack: readonly number[];
  }): PoolResult<null>;
  /** Chunks this end may fetch; makes them up to `count` where it is given. `possible`: how many more could be made. */
  availableChunks(call: {
    readonly configVersion: number;
    readonly principal: string;
    readonly ksid: Ksid;
    readonly instance: number;
    readonly self: StreamEnd;
    readonly count: number | null;
  }): PoolResult<{ readonly indices: readonly number[]; readonly possible: number }>;
  /**
   * No more chunks are made. What the other end (or, with `mayStillFetch`, this one) may still fetch stays until its TTL;
   * with both closed and nothing of that left the stream is gone. Idempotent; null: there is no such stream (any more).
   */
  closeStream(call: {
    readonly principal: string;
    readonly ksid: Ksid;
    readonly instance: number;
    readonly self: StreamEnd;
    /** The end's binding lets it fetch what had been made before; else it gives up what it has not had. */
    readonly mayStillFetch?: boolean;
  }): PoolResult<StreamState | null>;
  /** Tells the end at the node that another deployment hosts that something has changed. It may be lost. */
  tellPeer(call: { readonly ksid: Ksid; readonly instance: number }): PoolResult<null>;
}
