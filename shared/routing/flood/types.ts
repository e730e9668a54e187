/**
 * How nodes tell each other what they have: each makes an advertisement of itself, and passes on those of others, so
 * that every node holds the newest one of every node. Types only; README.md has the rules.
 */
import type { NodeId, SaeId } from "../../ids.ts";
import type { Advertisement, LinkState } from "../types.ts";

/** What one node says to a neighbour. */
export interface FloodCall {
  readonly from: NodeId;
  /** At most one of a node. */
  readonly advertisements: readonly Advertisement[];
  /**
   * A question for whatever is newer than what the caller has, by node and sequence; whom it does not name it has
   * nothing of. Absent: no question.
   */
  readonly has?: readonly (readonly [node: NodeId, sequence: number])[];
}

/** What the network document says of a node. */
export interface FloodNode {
  /** By this deployment, whose nodes vouch for each other: among them nothing need be signed. */
  readonly isHosted: boolean;
  /** Public keys that its signature has to fit, as `FloodPorts.verify` takes them; null: it signs nothing. */
  readonly keys: string | null;
  /** SAEs that it may announce: of a hosted node, those that the document attaches to it. */
  readonly saes: ReadonlySet<SaeId>;
}

/** Who takes part, as this node's deployment sees it. */
export interface FloodNetwork {
  /** All that may be announced, this node among them. */
  readonly nodes: ReadonlyMap<NodeId, FloodNode>;
  /** Those that this node exchanges advertisements with. */
  readonly neighbours: ReadonlySet<NodeId>;
}

/** What a node says of itself. */
export interface OwnState {
  readonly links: readonly LinkState[];
  readonly saes: readonly SaeId[];
}

/** What the engine needs of whoever runs it. */
export interface FloodPorts {
  /**
   * Makes a call, and tells its end by `Flood.answered`. An end that is not told within LIMITS.floodCallMs counts as no
   * answer; told later, it still counts as what it was.
   */
  send(call: OutgoingCall): void;
  /** Of this node, base64. Null, or where it answers null: advertisements of this node do not leave the deployment. */
  readonly sign: ((bytes: Uint8Array) => Promise<string | null>) | null;
  verify(claim: SignedClaim): Promise<boolean>;
  /** To be stored before any later call to `send` takes effect; a new engine is given the last one. */
  storeSequence(sequence: number): void;
  onAlarm(event: FloodAlarmEvent): void;
  /** 0 to 1. */
  random(): number;
  /** A neighbour has not answered several calls in a row; or does again. */
  onAway(neighbour: NodeId, isAway: boolean): void;
}

export interface OutgoingCall {
  readonly to: NodeId;
  readonly id: number;
  readonly call: FloodCall;
}

export interface SignedClaim {
  readonly node: NodeId;
  readonly keys: string;
  readonly bytes: Uint8Array;
  readonly signature: string;
}

/** Why a whole call is refused. */
export const CALL_REFUSALS = {
  "not-a-neighbour": "the caller is no neighbour of this node",
  malformed: "it is no call of this protocol",
  oversized: "it holds more than one call may",
  busy: "the caller calls too often, or its last call is still being looked at",
} as const;
export type CallRefusal = keyof typeof CALL_REFUSALS;

/** Why one advertisement of a call is refused. */
export type AdvertisementRefusal =
  | "malformed" // it is no advertisement, or says a thing twice
  | "oversized" // it is longer than an advertisement may be
  | "unknown-node" // the network document has no such node
  | "unsigned" // it is not signed, and did not come from a node of the same deployment
  | "unverifiable" // it came from another deployment, and no keys of its node are known here
  | "bad-signature" // its signature does not fit the node's keys
  | "too-many-forgeries" // the neighbour has passed on so many not signed well that no more are looked at for now
  | "too-old" // it has reached its age, or one as new has
  | "full"; // there is no room for it

/** What became of a call that was not refused as a whole. */
export interface Taken {
  /** How many told something new. */
  readonly news: number;
  readonly refused: readonly Refused[];
}
export interface Refused {
  /** Null: none that could be read. */
  readonly node: NodeId | null;
  readonly reason: AdvertisementRefusal;
}

/** code -> what it says. Codes are stable. */
export const FLOOD_ALARMS = {
  "advertisement-conflict":
    "two advertisements of a node have one sequence and differ: a copy of it, or of its storage, is at work",
  "advertisement-forged": "a neighbour passes on advertisements that the nodes they name have not signed",
  "advertisement-no-room":
    "advertisements of a node are not taken: with those of all others they are more than is held",
  "advertisement-cut-short": "not all links and SAEs of the node fit into its advertisement",
  "sae-not-allowed": "a node announces SAEs that the network document does not allow it: they are ignored",
  "sae-claimed-twice": "two nodes announce one SAE: it is ignored",
} as const;
export type FloodAlarmCode = keyof typeof FLOOD_ALARMS;

export interface FloodAlarmEvent {
  readonly code: FloodAlarmCode;
  /** A node; of `sae-claimed-twice`, an SAE. */
  readonly subject: string;
  /** Why it is raised; null: its cause is gone. */
  readonly detail: string | null;
}
