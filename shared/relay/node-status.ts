/** What a node tells its operators: its links, what it hears of other nodes, and how its relays fare. Types only. */
import type { ErrorCode } from "../errors/errors.ts";
import type { LinkId, NodeId } from "../ids.ts";
import type { UnusableReason } from "../routing/cut.ts";
import type { LinkState } from "../routing/types.ts";
import type { NodeAlarm } from "./alarms.ts";
import type { WalkTrouble } from "./walk.ts";

/** Why no relay takes a link; `peer-not-heard`: nothing is heard of the node at its other end. */
export type LinkProblem = UnusableReason | "peer-not-heard";

export interface OwnLinkStatus {
  readonly link: LinkId;
  readonly peer: NodeId;
  /** As this node told it last, in steps; null: no relays come, so nobody looks. */
  readonly state: Omit<LinkState, "link" | "peer"> | null;
  /** Null: relays may take it. */
  readonly problem: LinkProblem | null;
}

/** The newest advertisement that has come of another node. */
export interface HeardOfNode {
  readonly node: NodeId;
  readonly isHosted: boolean;
  readonly sequence: number;
  readonly ageMs: number;
  /** How many it announces; of SAEs, those that count. */
  readonly links: number;
  readonly saes: number;
  readonly isSigned: boolean;
}

/** Relays go around it for so long. */
export type Avoidance = ({ readonly link: LinkId } | { readonly node: NodeId }) & { readonly leftMs: number };

/** What is neither done nor failed is under way. */
export interface RelayCounts {
  readonly begun: number;
  readonly done: number;
  readonly failed: Readonly<Partial<Record<ErrorCode, number>>>;
}

export interface RelayFigures {
  /** The figures count from then on: the object has started. */
  readonly sinceMs: number;
  /** Keys that this node was to bring into its pools. */
  readonly keys: RelayCounts;
  /** Paths that failed, whether or not another has brought the key. */
  readonly troubles: Readonly<Partial<Record<WalkTrouble, number>>>;
  /** Steps of relays that others have begun. */
  readonly steps: RelayCounts;
}

/** A relay that a node has begun, over one path: of a key in shares, each is one. */
export interface RecentRelay {
  /** Of the relay, and the share's number. */
  readonly id: string;
  readonly path: readonly NodeId[];
  readonly bytes: number;
  readonly beganMs: number;
  /** Null while it is under way. */
  readonly endedMs: number | null;
  /** Why it failed; null: it has not. */
  readonly trouble: WalkTrouble | null;
}

export interface NodeStatus {
  readonly node: NodeId;
  /** By the policy of the network. */
  readonly isRelayEnabled: boolean;
  readonly links: readonly OwnLinkStatus[];
  readonly heard: readonly HeardOfNode[];
  /** Of hosted ones the network document is taken for what they would say. */
  readonly unheard: readonly { readonly node: NodeId; readonly isHosted: boolean }[];
  readonly avoided: readonly Avoidance[];
  readonly relays: RelayFigures;
  /** The latest first; absent in answers of the release before. */
  readonly recent?: readonly RecentRelay[];
  readonly alarms: readonly NodeAlarm[];
}

export interface ClearNodeAlarmsCall {
  readonly code: NodeAlarm["code"];
  readonly principal: string;
}
