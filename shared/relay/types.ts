/**
 * Relay over trusted nodes: what the nodes of a path, and the pools of its links, ask of each other.
 *
 * A path is n0 (the initiator) .. nk (the target). The key is what n0 and n1 draw from their link. From n1 on each node
 * takes what the node before it has drawn from their common link, checks the tag, takes the pad off, puts that of the next
 * link on, and forgets the key. The initiator asks one node after the other, so that nothing recurses, and carries what it
 * is given from one to the next: under a one-time pad, which the key is all that could tell, and the initiator has that.
 * Each hop costs as many bits of its link as the key has, and 256 for the key of its tag.
 *
 * Plain data and one method a question, so that there are two carriers: Durable Object RPC, and HTTPS to another
 * deployment. Types only.
 */
import type { Fault } from "../errors/errors.ts";
import type { NodeId, PairName, SaeId } from "../ids.ts";
import type { PoolResult } from "../keypool/types.ts";
import type { Result } from "../result.ts";
import type { FloodCall } from "../routing/flood/types.ts";
import type { Path } from "../routing/types.ts";
import type { ClearNodeAlarmsCall, NodeStatus } from "./node-status.ts";

declare const brand: unique symbol;
/** A UUID, drawn by the initiator: names one key on its way over one path, and the block it becomes. */
export type RelayId = string & { readonly [brand]: "RelayId" };

/** Key and tag key of a hop: `bytes` of pad, then 32 of a Poly1305 one-time key (RFC 8439 clause 2.5). */
export const TAG_KEY_BYTES = 32;
export const TAG_BYTES = 16;
/** Of the challenge by which two ends compare their keys, and of the part of the key that hides the comparison's tag. */
export const CHALLENGE_BYTES = 16;
export const COMPARE_KEY_BYTES = 16;

/** What a relay is. Every hop's tag covers all of it, and the hop's position. */
export interface RelayTerms {
  readonly relay: RelayId;
  /** The pool that the key is for: its nodes are the path's first and last. */
  readonly pair: PairName;
  readonly shard: number;
  readonly path: readonly NodeId[];
  /** Which of the shares that the key is the XOR of, from 0; `[0, 1]` where it is not shared. */
  readonly share: readonly [index: number, of: number];
  /** Length of the key, and of what is compared by where it is compared. */
  readonly bytes: number;
  /** Later than that nobody goes on with it. */
  readonly expiresMs: number;
  /**
   * The ends are in different deployments, so that no pool sees both their keys: they compare them (compare.ts), and the
   * last COMPARE_KEY_BYTES of what is carried are spent on that. Initiator and target must both know each other to be
   * hosted elsewhere; nodes between carry it as they are told.
   */
  readonly compared?: true;
}

/** Where in a link's pool the bits of a hop lie: all that the other end needs to find them. */
export interface LinkDraw {
  readonly shard: number;
  readonly record: number;
  /** Hexadecimal; compared, so that a record that was given up is not mistaken for another. */
  readonly nonce: string;
  /** Key of this link, or of one before it on the path, may be simulated. */
  readonly simulated?: true;
}

/** What one node hands to the next, through the initiator. */
export interface HopMessage {
  readonly draw: LinkDraw;
  /** Key XOR pad; empty at the first hop, where the bits drawn are the key. */
  readonly ciphertext: Uint8Array;
  /** Poly1305 of `bytesOfHop(terms, position, draw, ciphertext)`, TAG_BYTES. */
  readonly tag: Uint8Array;
}

/** From the initiator to node `position` of the path, 1 or more. */
export interface RelayStep {
  readonly terms: RelayTerms;
  readonly position: number;
  readonly message: HopMessage;
}

/**
 * The next node's message; or, of the target: it has this share and waits for the others; or it has put the whole key
 * into its pool, or holds it until it has been compared. A target that crashed between two shares never says the last, so
 * the initiator does not count on it.
 */
export type StepAnswer =
  | { readonly outcome: "onward"; readonly message: HopMessage }
  | { readonly outcome: "held" }
  | { readonly outcome: "stored" };

/** From the initiator to the target once that has stored the key: whether both have the same. */
export interface CompareCall {
  /** Of any share. */
  readonly terms: RelayTerms;
  /** CHALLENGE_BYTES at random, drawn after the target said `stored`: so nobody between knew it when the key was bound. */
  readonly challenge: Uint8Array;
  /** TAG_BYTES, see compare.ts. */
  readonly tag: Uint8Array;
}

/** `equal`: the target has put the key into its pool. `unequal`: it has dropped it. There is one comparison of a key. */
export interface CompareAnswer {
  readonly outcome: "equal" | "unequal";
}

/** The way a relayed key came, as the pool remembers it. */
export interface RelayedBy {
  readonly relay: RelayId;
  /** One path a share. */
  readonly paths: readonly (readonly NodeId[])[];
  /** Key of some link on the way may be simulated. */
  readonly simulated?: true;
}

/** How the network connects two nodes at present. */
export interface RelayRoute {
  /** The best first; as many as are disjoint where that was asked for. Empty: none. */
  readonly paths: readonly Path[];
  /** Where the network has fewer disjoint paths than were asked for, whether or not its links have key: those it has. */
  readonly fewer?: readonly Path[];
  /** Where there is no path: the links without key, and the nodes out of reach, that would have to come back. */
  readonly cut: readonly string[];
  /** `between`: some hop joins nodes in different custodies, for which the information-theoretic claim is made. */
  readonly custody: "within-deployment" | "between";
}

export interface BringKeyCall {
  readonly configVersion: number;
  readonly pair: PairName;
  /** A relay shard (keypool/relay-shard.ts). */
  readonly shard: number;
  readonly bytes: number;
  /** Urgent calls: more than `bytes`, as far as links seem to have it to spare. */
  readonly upToBytes?: number;
  /** Somebody waits for it: else it is for later, and others go first. */
  readonly isUrgent: boolean;
  /** Hops of a path, at most; the policy's bound where absent or lower. */
  readonly maxHops?: number;
}

/** A pool of relayed key, and the node whose relays into it are meant. */
export interface VoidRelaysCall {
  readonly pair: PairName;
  readonly shard: number;
  /** Their initiator. */
  readonly from: NodeId;
}

/** RPC surface of a TrustedNode object, named by its node's id. */
export interface TrustedNodeRpc {
  /** The Directory's nudge after a change. Idempotent. */
  refresh(): Promise<void>;
  /**
   * Relays key into a pool of this node's, in as many relays as it takes. Fails with `no-route` (no such pair),
   * `no-path` (nothing connects the two at present; the message names the cut) or `link-budget`.
   */
  bringKey(call: BringKeyCall): Promise<Result<{ readonly bytes: number }, Fault>>;
  step(step: RelayStep): Promise<Result<StepAnswer, Fault>>;
  /**
   * The initiator has given the relay up: nobody goes on with it, whatever comes late; and the target gives back what it has
   * put into its pool, while the initiator's half is not there. Idempotent.
   */
  voidRelay(call: { readonly terms: RelayTerms }): Promise<Result<null, Fault>>;
  /** The same of all relays that an initiator had under way when it crashed, of the target of them. */
  voidRelays(call: VoidRelaysCall): Promise<Result<null, Fault>>;
  /** The initiator asks the target of a relay whose ends are in different deployments. Once for each relay. */
  compare(call: CompareCall): Promise<Result<CompareAnswer, Fault>>;
  /** A neighbour's advertisements: its own and those it passes on. */
  advertise(call: FloodCall): Promise<Result<null, Fault>>;
  routeTo(call: {
    readonly configVersion: number;
    readonly node: NodeId;
    readonly disjointPaths: number;
  }): Promise<Result<RelayRoute, Fault>>;
  /** Which node of another deployment announces an SAE at present; null: none does. */
  nodeOf(call: { readonly configVersion: number; readonly sae: SaeId }): Promise<Result<NodeId | null, Fault>>;
  /** For operators; looks at no link for it. Fails with `no-route` where the node is not hosted here. */
  /** @param call.quiet by who asks again and again: that keeps no node awake */
  status(call: { readonly configVersion: number; readonly quiet?: boolean }): Promise<Result<NodeStatus, Fault>>;
  clearAlarms(call: ClearNodeAlarmsCall): Promise<Result<{ readonly cleared: number }, Fault>>;
}

export interface DrawCall {
  readonly configVersion: number;
  /** Who draws: one of the pool's nodes. */
  readonly node: NodeId;
  readonly terms: RelayTerms;
}

/** What the target of relays asks of the pool that their keys are for. */
export interface RelayedPoolRpc {
  /**
   * Voids what this node has brought and the other one, the initiator, takes back: of one relay, or (null) of all. What both
   * have brought stays: it is the same at both ends, and may have been given. Idempotent.
   */
  takeBack(call: {
    readonly configVersion: number;
    readonly node: NodeId;
    readonly relay: RelayId | null;
  }): PoolResult<null>;
}

/** What the nodes of a link ask of its pool. */
export interface RelayLinkRpc {
  /**
   * Draws the bits of one hop: `terms.bytes` and TAG_KEY_BYTES. All or none; `link-budget` where relays may take no more
   * for now. They are spent whatever becomes of the relay.
   */
  drawHop(call: DrawCall): PoolResult<{ readonly draw: LinkDraw; readonly bytes: Uint8Array }>;
  /** The same bits for the other node, once. `key-not-found`: taken, given up, or of another relay. */
  takeHop(call: DrawCall & { readonly draw: LinkDraw }): PoolResult<Uint8Array>;
  /** What the node advertises of the link. */
  linkState(call: { readonly configVersion: number }): PoolResult<{
    readonly availableBits: number;
    readonly keyRateBps: number;
  }>;
}
