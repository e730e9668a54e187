/**
 * What a pool's verbs need to know of the pair's other half. Where both nodes are hosted here there is none: one object
 * holds all, a unit's owner makes no difference, and nothing below costs anything. Where the other node lives in another
 * deployment, `RemoteHalf` is in its place. No verb knows which.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId, Pair, SaeId } from "../../shared/ids.ts";
import type { Ending, HalfAnswer, HalfBatch, Retirement } from "../../shared/keypool/half.ts";
import { ownerOfUnit } from "../../shared/keypool/owner.ts";
import type { ImportsElsewhere } from "../../shared/keypool/sealed-import.ts";
import type { StreamNews } from "../../shared/keypool/stream-question.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { KeyRecord } from "./rows.ts";
import type { StreamsAway } from "./stream-away.ts";

export interface Half {
  /** Keys are cut from units of this node alone; null: from all. */
  readonly ownNode: NodeId | null;
  /** Who owns a unit that has just come in. */
  ownerOf(pair: Pair, offset: number): NodeId;
  /** Where keys of a multicast go that are for the other node; null: they are fetched here. */
  readonly imports: ImportsElsewhere | null;
  /** Where the pair's key streams are kept; null: here. */
  readonly streams: StreamsAway | null;
  /** Tells the end of a stream at the other node that something has changed there. */
  tellPeer(news: Pick<StreamNews, "ksid" | "instance">): PoolResult<null>;
  /** May recipients at this node fetch their keys here? */
  serves(node: NodeId): boolean;
  /** Why no keys can be given for now: asked before any is cut. */
  refusal(): Fault | null;
  /** Takes in what the other half posts. @param askedAtMs by its clock, where that is known */
  receive(batch: HalfBatch, askedAtMs?: number): PoolResult<HalfAnswer>;
  /** Resolves when the other half durably has an announced record, or will not have it. */
  acknowledged(record: KeyRecord): Promise<Result<null, Fault>>;
  /** Has the other half yield units. @returns true where any came */
  bringIn(bytes: number): Promise<boolean>;
  /** When to call `catchUp`; Infinity: nothing is open. */
  dueMs(nowMs: number): number;
  /** Since when there have been blocks that the other half has not told of; Infinity: there are none. May be early. */
  readonly loneSinceMs: number;
  /** Voids those that came at `sinceMs` or before; one batch. @returns true where there may be more */
  giveUpLone(sinceMs: number, nowMs: number): Promise<boolean>;
  /** As `RelayedPoolRpc.takeBack`, of what this half's node has brought. */
  takeBack(relay: RelayId | null): Promise<Result<null, Fault>>;
  /** Takes up what a crash or an unreachable other half left open. */
  catchUp(): Promise<void>;

  // ---- inside a commit

  /** A block's units have come in. */
  taken(block: { readonly seq: number; readonly id: BlockId; readonly bytes: number }): void;
  /** The other half is told of a reserved record. */
  announce(record: KeyRecord, expiresMs: number): void;
  /** The acknowledgement of a record has been acted on. */
  settle(record: KeyRecord): void;
  /** Keys of a record were fetched here. */
  fetched(record: KeyRecord, sae: SaeId, indices: readonly number[]): void;
  /** A record ends before its keys were fetched. */
  ended(record: KeyRecord): void;
  /** A record of chunks ends that was published; what of its keys nobody has had counts `as`. */
  chunksEnded(record: KeyRecord, end: Pick<Ending, "delivered" | "as">): void;
  /** What is left of these units is about to be given up. */
  retired(units: readonly number[], as: Retirement["as"]): void;
}

/** Both nodes are hosted here. */
export const NO_OTHER_HALF: Half = {
  ownNode: null,
  imports: null,
  streams: null,
  tellPeer: async () => ok(null),
  ownerOf: ownerOfUnit,
  serves: () => true,
  refusal: () => null,
  receive: async () => fail("no-route", "both nodes of this pool are hosted here"),
  acknowledged: async () => ok(null),
  bringIn: async () => false,
  dueMs: () => Infinity,
  loneSinceMs: Infinity,
  giveUpLone: async () => false,
  takeBack: async () => ok(null),
  catchUp: async () => {},
  taken: () => {},
  announce: () => {},
  settle: () => {},
  fetched: () => {},
  ended: () => {},
  chunksEnded: () => {},
  retired: () => {},
};
