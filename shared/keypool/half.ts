/**
 * The two halves of a pool whose nodes live in two deployments. Each half holds the same material and keeps a ledger of
 * its own; what one does with it the other must know before anybody can rely on it.
 *
 * Each half tells the other a log of messages, numbered 1, 2, 3 ... It keeps a message durably until the other half has
 * durably done what it says, and sends it again until then. The other half takes messages in order, each once: what it
 * has seen is answered and not done again, what comes too early is left for later. So a message may be lost, doubled,
 * late or overtaken on the way, and either half may crash at any moment.
 *
 * The interface has one method and plain data, so that it has two carriers: Durable Object RPC, and HTTPS to another
 * deployment. No key bytes travel: a key is told by where its bits lie. Types only.
 */
import type { Fault } from "../errors/errors.ts";
import type { BlockId, NodeId, PairName, SaeId } from "../ids.ts";
import type { HopOf } from "./relay-checks.ts";
import type { SealedImport } from "./sealed-import.ts";
import type { StreamQuestion, StreamReply } from "./stream-question.ts";
import type { ChunkRun } from "./streams.ts";
import type { PoolResult, Recipient } from "./types.ts";

/** The other half of a pool, as this half sees it. */
export interface OtherHalf {
  post(batch: HalfBatch): PoolResult<HalfAnswer>;
}

/** Of a KeyPool object: what another deployment's half posts, once that deployment is known to be who it says. */
export interface HalfRpc {
  /**
   * Fails with `no-route` where the pool has no other half.
   * @param call `askedAtMs`: when the batch was sent, by the sender's clock
   */
  receiveHalf(call: {
    readonly configVersion: number;
    readonly batch: HalfBatch;
    readonly askedAtMs: number;
  }): PoolResult<HalfAnswer>;
  /** Keys of a multicast for this half's node. */
  receiveImport(call: { readonly configVersion: number; readonly sealed: SealedImport }): PoolResult<null>;
  /** About a key stream of this pair. @param call `nonce`: of the question as it was signed; each is answered once */
  receiveStream(call: {
    readonly configVersion: number;
    readonly question: StreamQuestion;
    readonly nonce: string;
  }): PoolResult<StreamReply>;
}

export interface HalfBatch {
  readonly pair: PairName;
  readonly shard: number;
  /** The sender's node. */
  readonly from: NodeId;
  /** Which log of the sender's this is. A half that has voided all it had begins one with a higher number, at 1. */
  readonly generation: number;
  /** The sender has acted on the answers to all messages up to this one. */
  readonly settled: number;
  /** In order; those missing in between were answered, and acted on. At most LIMITS.halfBatchMessages. */
  readonly messages: readonly NumberedMessage[];
  /** The sender has run dry and asks for units worth so many bytes; 0: it does not. */
  readonly wantBytes: number;
}

export interface NumberedMessage {
  /** Its place in the log. */
  readonly seq: number;
  readonly message: HalfMessage;
}

export interface HalfAnswer {
  /** All up to this message is durably done, or refused. */
  readonly applied: number;
  /** Of those after `settled`. A refused message has changed nothing, and never will. */
  readonly refused: readonly { readonly seq: number; readonly fault: Fault }[];
  /** Bytes in units that are on their way to the sender. */
  readonly yieldedBytes: number;
}

export type HalfMessage = Taken | GivingUp | Announcement | Voiding | Ending | Fetched | Yielding | Retirement;

/** The halves number units by themselves: `[block, offset of the unit in it, in bytes]`. */
export type UnitPlace = readonly [block: BlockId, offset: number];
/** `[block, offset of the first byte in it, length]`, within one unit. */
export type PlacedSegment = readonly [block: BlockId, offset: number, length: number];

/** A block has come in. Its units have owners once both halves have told each other so. */
export interface Taken {
  readonly kind: "taken";
  readonly block: BlockId;
  /** What keys are cut from: less than the block had where it was conditioned. */
  readonly bytes: number;
}

/** The sender has waited long enough for the other half to have the block, and has voided it. */
export interface GivingUp {
  readonly kind: "give-up";
  readonly block: BlockId;
}

/** What bits are used for. */
export type BitUse = "key" | "pad" | "tag" | "stream";

/** The sender has cut keys, or a hop's pad, from its own units. Answered before its master, or node, gets them. */
export interface Announcement {
  readonly kind: "announce";
  readonly use: BitUse;
  /** The record's number at the sender; nonce and mask in hexadecimal: all that the key IDs are made from. */
  readonly record: number;
  readonly nonce: string;
  readonly mask: string;
  readonly keys: number;
  readonly sizeBytes: number;
  readonly segments: readonly PlacedSegment[];
  readonly master: SaeId;
  readonly masterNode: NodeId;
  readonly recipients: readonly Recipient[];
  readonly expiresMs: number;
  /** Of a pad, and the key of its tag: which relay they are for. Master and recipient are no SAEs. */
  readonly hop?: HopOf;
  /** Of a key stream: which of its chunks these are. The recipients are its two ends, the one that opened it first. */
  readonly chunks?: ChunkRun;
}

/** Announced keys end before they were fetched. */
export interface Voiding {
  readonly kind: "void";
  readonly nonce: string;
}

/** Announced chunks have come to their end: nobody has a right to them any more. */
export interface Ending {
  readonly kind: "end";
  readonly nonce: string;
  /** So many of them some end has had. */
  readonly delivered: number;
  /** What the others count as. */
  readonly as: "expired" | "voided";
}

/** A recipient at the sender's node has fetched keys that the other half announced. */
export interface Fetched {
  readonly kind: "fetched";
  /** As announced. */
  readonly record: number;
  readonly nonce: string;
  /** Empty, of a pad. */
  readonly sae: SaeId;
  /** `[index of the first key, number of keys]` */
  readonly runs: readonly (readonly [first: number, count: number])[];
}

/** Untouched units of the sender belong to the other half from now on; the sender has given them up already. */
export interface Yielding {
  readonly kind: "yield";
  readonly units: readonly UnitPlace[];
}

/** What is left of these units of the sender's nobody will use. */
export interface Retirement {
  readonly kind: "retire";
  readonly units: readonly UnitPlace[];
  /** What its bits count as. */
  readonly as: "remainder" | "voided";
}
