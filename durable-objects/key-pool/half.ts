/**
 * What a pool's verbs need to know of the pair's other half. Where both nodes are hosted here there is none: one object
 * holds all, a unit's owner makes no difference, and nothing below costs anything. Where the other node lives in another
 * deployment, `RemoteHalf` is in its place. No verb knows which.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { BlockId, NodeId, Pair, SaeId } from "../../shared/ids.ts";
import type { Retirement } from "../../shared/keypool/half.ts";
import { ownerOfUnit } from "../../shared/keypool/owner.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { KeyRecord } from "./rows.ts";

export interface Half {
  /** Keys are cut from units of this node alone; null: from all. */
  readonly ownNode: NodeId | null;
  /** Who owns a unit that has just come in. */
  ownerOf(pair: Pair, offset: number): NodeId;
  /** May recipients at this node fetch their keys here? */
  serves(node: NodeId): boolean;
  /** Why no keys can be given for now: asked before any is cut. */
  refusal(): Fault | null;
  /** Resolves when the other half durably has an announced record, or will not have it. */
  acknowledged(record: KeyRecord): Promise<Result<null, Fault>>;
  /** Has the other half yield units. @returns true where any came */
  bringIn(bytes: number): Promise<boolean>;
  /** When to call `catchUp`; Infinity: nothing is open. */
  dueMs(nowMs: number): number;
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
  /** What is left of these units is about to be given up. */
  retired(units: readonly number[], as: Retirement["as"]): void;
}

/** Both nodes are hosted here. */
export const NO_OTHER_HALF: Half = {
  ownNode: null,
  ownerOf: ownerOfUnit,
  serves: () => true,
  refusal: () => null,
  acknowledged: async () => ok(null),
  bringIn: async () => false,
  dueMs: () => Infinity,
  catchUp: async () => {},
  taken: () => {},
  announce: () => {},
  settle: () => {},
  fetched: () => {},
  ended: () => {},
  retired: () => {},
};
