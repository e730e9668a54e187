/**
 * What a link costs a path: the policy's `relay.cost`.
 *
 * `hops`: 1. `key-aware`, from what both ends say of the link, the worse of the two each time:
 *
 *   1 + 4 / (1 + availableBits / 2^23) + 2 / (1 + keyRateBps / 10^4) + min(qber, 0.11) / 0.11
 *
 * rounded up to COST_STEP: above 1, up to 8. So no detour of 8 hops or more is better than a link that can relay at all.
 * More key or a higher rate never make a link dearer, nor does a lower QBER. What a pool holds weighs most, as it is what a
 * relay takes; half of that weight is gone at 1 MiB, half of the rate's at 10 kbit/s, what fibre links of some 50 km give.
 * At 11 % no key can be distilled from BB84 (Shor and Preskill, 2000); a QBER that is not known counts as half of that.
 * The steps are coarse, so that a little key more or less moves no route.
 */
import type { NetworkDocument } from "../network/document.ts";
import { TAG_KEY_BYTES } from "../relay/types.ts";
import { COST_STEP } from "./graph.ts";
import type { LinkState } from "./types.ts";

export type CostRule = NetworkDocument["policy"]["relay"]["cost"];
export type LinkQuality = Pick<LinkState, "availableBits" | "keyRateBps" | "qber">;

const AVAILABLE = { weight: 4, halfAt: 2 ** 23 };
const RATE = { weight: 2, halfAt: 10_000 };
const QBER = { weight: 1, worst: 0.11, unknown: 0.055 };

function worseQber(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

/** The worse of what two say of one link. Who does not know the QBER leaves it to the other. */
export const worseOf = (a: LinkQuality, b: LinkQuality): LinkQuality => ({
  availableBits: Math.min(a.availableBits, b.availableBits),
  keyRateBps: Math.min(a.keyRateBps, b.keyRateBps),
  qber: worseQber(a.qber, b.qber),
});

/** Whether a link has more key than the tag of one hop takes. */
export const canRelay = ({ availableBits }: LinkQuality): boolean => availableBits > 8 * TAG_KEY_BYTES;

/** 1 at nothing (and at what is no number of bits), towards 0 the more there is. */
const scarcity = (amount: number, halfAt: number): number => 1 / (1 + (amount > 0 ? amount : 0) / halfAt);

function errorShare(qber: number | null): number {
  const rate = qber ?? QBER.unknown;
  return rate >= 0 && rate <= QBER.worst ? rate / QBER.worst : 1;
}

/** What a link of this quality costs: a multiple of COST_STEP, 1 to 8. */
export function linkCost(rule: CostRule, quality: LinkQuality): number {
  if (rule === "hops") return 1;
  const cost =
    1 +
    AVAILABLE.weight * scarcity(quality.availableBits, AVAILABLE.halfAt) +
    RATE.weight * scarcity(quality.keyRateBps, RATE.halfAt) +
    QBER.weight * errorShare(quality.qber);
  return Math.ceil(cost / COST_STEP) * COST_STEP;
}
