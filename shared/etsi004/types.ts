/**
 * What a KeyStream promises to the Worker's routes: the three calls of ETSI GS QKD 004, the two that qkd-module's clients
 * need besides, and what the halves tell each other.
 *
 * A half is one end of a stream; where both applications are attached to one node, both ends. A KeyStream object holds
 * halves of one node, each stream's always in the same object (`streamName`). What has to survive is in the KeyPool of
 * the two nodes (`keypool/streams.ts`): who opened the stream, its QoS, which chunks were made and who has had them. The
 * half adds what belongs to one end at a time: who waits, how fast it may go, chunks read ahead.
 */
import type { Fault } from "../errors/errors.ts";
import type { HybridMetadata, HybridTerms } from "../hybrid/edge/terms.ts";
import type { NodeId, PairName, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Result } from "../result.ts";
import type { ProfileName } from "./profiles.ts";
import type { Qos } from "./qos.ts";
import type { StatusName } from "./status.ts";

declare const brand: unique symbol;
/** Key stream ID: a UUID in lower case (RFC 9562, in the order of octets that is printed). */
export type Ksid = string & { readonly [brand]: "Ksid" };

/**
 * Name of the KeyStream object that holds a node's half. A node has a set number of them: one a KSID would leave a
 * database behind for each KSID that anybody ever asked for.
 */
export const streamName = (ksid: Ksid, node: NodeId): string => `${fnv1a(ksid) % LIMITS.streamObjects}@${node}`;

/** FNV-1a, 32 bits: spreads KSIDs, also those that were not drawn at random. Protects nothing. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** An application, at the node it is attached to. */
export interface StreamEnd {
  readonly sae: SaeId;
  readonly node: NodeId;
}

/** Who shall be at the other end: one SAE, or (null) whichever at that node opens the KSID first and names this end. */
export interface StreamPeer {
  readonly sae: SaeId | null;
  readonly node: NodeId;
}

/** Who calls, and how its binding wants to be treated. */
export interface StreamCaller {
  readonly configVersion: number;
  /** `principalName`, for rate limits and audit. */
  readonly principal: string;
  readonly profile: ProfileName;
  readonly ksid: Ksid;
  readonly self: StreamEnd;
}

export interface OpenCall extends StreamCaller {
  readonly peer: StreamPeer;
  /** The pool both nodes share, and which of its shards this stream's chunks come from: the same for both ends. */
  readonly pair: PairName;
  readonly shard: number;
  /** As the application gave it, already as `honoured` by the profile. */
  readonly qos: Qos;
  /** Was the KSID allocated for this very call? Then nobody can know it yet, and nobody is waited for. */
  readonly allocated: boolean;
  /** Its addresses are `hybrid://`: chunks are mixed with KEM secrets, or there are none. */
  readonly hybrid?: HybridTerms;
}

export interface OpenAnswer {
  readonly status: StatusName;
  /** Of `success`, `peer-not-connected` and `qos-not-met`: in force, or what could be had. */
  readonly qos?: Qos;
  /** Of `qos-not-met`: is the stream open with that QoS all the same? */
  readonly opened?: boolean;
  /** Of a stream that is open: it is the hybrid one that was asked for. An object of the version before says nothing. */
  readonly isHybrid?: boolean;
}

export interface GetKeyCall extends StreamCaller {
  /** Which chunks, all or none; null: the next one of this end. At most LIMITS.streamChunksAtOnce. */
  readonly indices: readonly number[] | null;
  /** Capacity for metadata in characters; 0: none wanted. */
  readonly metadataSize: number;
}

export type GetKeyAnswer =
  | {
      readonly status: "success";
      readonly indices: readonly number[];
      /** The chunks, concatenated: of `chunkBytes` each. */
      readonly key: Uint8Array;
      readonly chunkBytes: number;
      /** JSON; null where none is wanted. */
      readonly metadata: string | null;
    }
  | { readonly status: "metadata-too-small"; readonly neededSize: number }
  | { readonly status: Exclude<StatusName, "success" | "metadata-too-small"> };

/** JSON of what `GetKeyAnswer.metadata` says; of a hybrid stream also what was mixed. */
export interface ChunkMetadata extends Partial<HybridMetadata> {
  /** Milliseconds since the chunk became available; a uint32. */
  readonly age: number;
  /** 0: a direct link. */
  readonly hops: number;
}

export interface AvailableAnswer {
  readonly status: StatusName;
  /** Chunks this end may fetch, lowest index first. */
  readonly indices: readonly number[];
  /** How many chunks could be had in all, those not made yet included. */
  readonly count: number;
}

export type StreamResult<T> = Promise<Result<T, Fault>>;

/** RPC surface of a KeyStream object, named by `streamName`. A status is an answer; a fault is what no binding has a status for. */
export interface KeyStreamRpc {
  open(call: OpenCall): StreamResult<OpenAnswer>;
  getKey(call: GetKeyCall): StreamResult<GetKeyAnswer>;
  close(call: StreamCaller): StreamResult<{ readonly status: StatusName }>;
  /** Makes chunks up to `count` (null: as many as are made already; bounded by LIMITS.streamAheadChunks) and tells them. */
  available(call: StreamCaller & { readonly count: number | null }): StreamResult<AvailableAnswer>;
  /** The other half's news: wake whoever waits, look at the pool again. Idempotent; may be lost, doubled or late. */
  peerChanged(call: { readonly ksid: Ksid; readonly instance: number }): StreamResult<null>;
  /** Of the Directory, to an object with sockets: the network has changed. Sockets end whose callers may not be here any more. */
  refresh(): Promise<void>;
  /** WebSocket push (binding 5); the Worker has authenticated the caller and passes it in a header: see `socket.ts`. */
  fetch(request: Request): Promise<Response>;
}
