/** Branded identifiers: a node id cannot be passed where an SAE id is meant. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type NodeId = Branded<"NodeId">;
export type SaeId = Branded<"SaeId">;
export type LinkId = Branded<"LinkId">;
export type KeyId = Branded<"KeyId">;
/** Several key IDs in one text: see keypool/key-id-run.ts. */
export type Run = Branded<"Run">;
export type BlockId = Branded<"BlockId">;
/** Name of the KeyPool objects of two nodes, without the shard: see `pairName`. */
export type PairName = Branded<"PairName">;

/** Two nodes in canonical order (lower id first); equal for the `local` pool of one node. */
export interface Pair {
  readonly low: NodeId;
  readonly high: NodeId;
}

export const pairOf = (a: NodeId, b: NodeId): Pair => (a <= b ? { low: a, high: b } : { low: b, high: a });
/** Node ids hold no `|` (see the network document's schema), so the name is unambiguous. */
export const pairName = (pair: Pair): PairName => `${pair.low}|${pair.high}` as PairName;
export function parsePairName(name: PairName): Pair {
  const [low, high] = name.split("|");
  if (low === undefined || high === undefined) throw new Error(`not a pair name: ${name}`);
  return { low: low as NodeId, high: high as NodeId };
}
/** Name of one KeyPool object: a pair's shard. */
export const poolName = (pair: PairName, shard: number): string => `${pair}#${shard}`;
