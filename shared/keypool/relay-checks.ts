/**
 * Flaws of what nodes ask of a link's pool: it looks at nothing before. The calls come from another object, which may be
 * of another release, and pass on what the initiator of a relay, maybe of another deployment, has set.
 */
import type { NodeId, PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { flawOfRelayId, flawOfRelayShard, flawOfShape } from "../relay/terms.ts";
import type { RelayTerms } from "../relay/types.ts";

/** Two names of nodes and what stands between them. */
const PAIR_CHARS = 2 * LIMITS.saeIdChars + 1;

/** What is wrong, in words; null: nothing. */
type Flaw = string | null;

/** What tells the bits of a hop from those of another relay. */
export type HopOf = Pick<RelayTerms, "relay" | "pair" | "shard">;

export const flawOfHopOf = ({ relay, pair, shard }: HopOf): Flaw =>
  flawOfRelayId(relay) ?? flawOfPair(pair) ?? flawOfRelayShard(shard);

const flawOfPair = (pair: PairName): Flaw =>
  typeof pair === "string" && /^[^|]+\|[^|]+$/.test(pair) && pair.length <= PAIR_CHARS
    ? null
    : "a relay is for a pair of nodes";

/** @param link the nodes of the pool that is asked; `from` draws, `to` takes */
export function flawOfTermsAt(terms: RelayTerms, { from, to }: { readonly from: NodeId; readonly to: NodeId }): Flaw {
  const flaw = flawOfShape(terms);
  if (flaw !== null) return flaw;
  const at = terms.path.indexOf(from);
  return at !== -1 && terms.path[at + 1] === to ? null : `the path has no hop from ${from} to ${to}`;
}

/** The other node of a link; null where `node` is none of its two. */
export function otherNodeOf({ pair, node }: { readonly pair: PairName; readonly node: NodeId }): NodeId | null {
  const nodes = pair.split("|") as NodeId[];
  const at = nodes.indexOf(node);
  if (at === -1 || nodes[0] === nodes[1]) return null;
  return nodes[1 - at] ?? null;
}
