/** What routes are made of. Types only. */
import type { LinkId, NodeId, SaeId } from "../ids.ts";

/** One node's word on one of its links. A link exists once both its nodes announce it. */
export interface LinkState {
  readonly link: LinkId;
  readonly peer: NodeId;
  /** What relays may take of its key now: beyond what is kept for its own SAEs. */
  readonly availableBits: number;
  /** How fast key comes in. */
  readonly keyRateBps: number;
  /** Quantum bit error rate, 0 to 0.5; null: not known. */
  readonly qber: number | null;
}

/** What a node tells all others of itself. A later one, told by its sequence, takes the place of the one before. */
export interface Advertisement {
  readonly node: NodeId;
  /** Grows with every advertisement of the node, over its restarts too. */
  readonly sequence: number;
  /** How old it was when it was sent on; whoever passes it on adds how long it has had it. */
  readonly ageMs: number;
  readonly links: readonly LinkState[];
  /** SAEs attached to the node. */
  readonly saes: readonly SaeId[];
  /** Over `bytesOfAdvertisement`, base64; null within one deployment, whose nodes vouch for each other. */
  readonly signature: string | null;
}

/** A link that a route may use. */
export interface RouteLink {
  readonly link: LinkId;
  readonly nodes: readonly [NodeId, NodeId];
  /** Above 0; what a path costs is the sum over its links. */
  readonly cost: number;
}

export interface Path {
  /** Both ends included. */
  readonly nodes: readonly NodeId[];
  /** Its hops: one fewer than nodes. */
  readonly links: readonly LinkId[];
  readonly cost: number;
}
