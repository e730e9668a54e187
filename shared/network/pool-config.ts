/** What the Directory tells a pool about itself, from the document and the drains. */
import { DEFAULT_DESIGN } from "../conditioning/lengths.ts";
import { parsePairName, type LinkId, type PairName } from "../ids.ts";
import type { PoolConfig } from "../keypool/types.ts";
import type { Drain } from "./directory-types.ts";
import type { LinkEntry, NetworkDocument } from "./document.ts";
import { pairOfLink } from "./lookup.ts";

/** The network as pools see it. */
export interface PoolView {
  readonly sequence: number;
  readonly document: NetworkDocument;
  readonly drains: readonly Drain[];
}

type Fixed = Omit<PoolConfig, "version" | "pair" | "policy">;
const NO_LINK = { link: null, feed: "one-ended", health: "reject", keyRateBps: 0, shards: 1 } as const;
/** The pool of one node's own SAEs draws on the platform's random generator and needs no more than one object. */
const LOCAL: Fixed = { ...NO_LINK, state: "active", source: "local" };
const GONE: Fixed = { ...NO_LINK, state: "gone", source: "push" };

/**
 * Arranges a view for the question a pool asks: what is my configuration? The answer is `gone` for a pair that is
 * neither served nor drained.
 */
export function poolConfigs({ sequence, document, drains }: PoolView): (pair: PairName) => PoolConfig {
  const nodes = new Set(document.nodes.map((node) => node.id));
  const links = new Map(document.links.map((link) => [pairOfLink(link), link]));
  const draining = new Map(
    drains.flatMap((drain) => (drain.kind === "pair" ? [[drain.pair, drain.config] as const] : [])),
  );
  return (pair) => {
    const { low, high } = parsePairName(pair);
    const base = { version: sequence, pair, policy: document.policy };
    if (low === high && nodes.has(low)) return { ...base, ...LOCAL };
    const link = links.get(pair);
    if (link !== undefined) return { ...base, ...linkConfig(link), state: "active" };
    const drained = draining.get(pair);
    return drained === undefined ? { ...base, ...GONE } : { ...drained, version: sequence, state: "draining" };
  };
}

function linkConfig(link: LinkEntry): Omit<Fixed, "state"> {
  const { source, feed, health, key_rate_bps: keyRateBps, shards } = link;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ids become branded here
  return { link: link.id as LinkId, source, feed, health, ...conditioningOf(link), keyRateBps, shards };
}

function conditioningOf({ health, ...link }: LinkEntry): Pick<PoolConfig, "conditioning"> {
  if (health !== "condition" || link.conditioning_seed === undefined) return {};
  const minEntropyPerBit = link.min_entropy_per_bit ?? DEFAULT_DESIGN.minEntropyPerBit;
  return { conditioning: { minEntropyPerBit, publicSeed: link.conditioning_seed } };
}
