/**
 * What relays may take of a link's key: what lies above the pool's low watermark, and above what those need who use the
 * link directly.
 *
 * Direct use may take everything, but for the floor below. Below the watermark no relay is served, so whatever comes in
 * is then for direct use alone. That alone would do if key came in evenly. But it comes in blocks, of which relays could
 * take all that lies above the watermark before anybody else has asked. So they also leave as much as direct users have
 * asked for of late, served or not: where these ask evenly, what they use in FADES_MS, which is longer than a busy link
 * goes without a new block. Direct use thus gets what it asks for, up to the link's whole rate: more than the half of it
 * that is promised. Relays get what it does not ask for, and all of it where nobody uses the link directly.
 * As half of the high watermark is enough of a stock for anybody, relays leave no more than that.
 *
 * The floor is key for the tags that authenticate relays. A link that has carried one keeps so much from direct use.
 * Tags are drawn together with their pads, of what lies above the watermark, and above the floor where that is higher:
 * the last of the key is used up by neither.
 *
 * Among the pairs whose keys come over the link, what is left over is shared out while it is short, as keys are among
 * SAEs (fair-share.ts).
 */
import type { PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { FairShare } from "./fair-share.ts";

/** Of a link's key, and of the policy on it. */
export interface LinkStock {
  readonly availableBits: number;
  readonly lowBytes: number;
  readonly highBytes: number;
  readonly floorBytes: number;
}

/** `low`: nothing is left over; `fair-share`: other pairs have had less of it. */
export type BudgetRefusal = "low" | "fair-share";

/** What direct users have asked for fades away so fast: asking evenly, they are left what they ask for in this time. */
const FADES_MS = 4000;
/** Less than this left over, the largest relay may get none: what there is must be shared out. */
const SHORT_BITS = LIMITS.relayBytes * 8;
/** Nobody is sent away for longer, however slowly key comes in. */
const MAX_RETRY_SECONDS = 30;

/** When so many bits more may have come in. @param refillBps null where it is not known */
export function retryAfterSeconds(lackingBits: number, refillBps: number | null): number {
  if (refillBps === null || lackingBits <= 0) return 1;
  return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(lackingBits / refillBps)));
}

/** In memory only: who has asked for how much is soon forgotten anyhow. */
export class LinkBudget {
  readonly #fairShare = new FairShare(LIMITS.sharingPrincipals);
  /** By direct users, as of `#askedMs`. */
  #askedBits = 0;
  #askedMs = 0;

  /** Somebody who uses the link directly has asked for so much, and was served or not. */
  asked(bits: number, nowMs: number): void {
    this.#askedBits = this.#recentBits(nowMs) + bits;
    this.#askedMs = nowMs;
  }

  /** Bits that relays leave to others. */
  leftBits({ lowBytes, highBytes, floorBytes }: LinkStock, nowMs: number): number {
    const forDirectUse = Math.min(floorBytes * 8 + Math.ceil(this.#recentBits(nowMs)), highBytes * 4);
    return Math.max(lowBytes * 8, floorBytes * 8, forDirectUse);
  }

  /** Bits that relays may take. */
  spareBits(stock: LinkStock, nowMs: number): number {
    return Math.max(0, stock.availableBits - this.leftBits(stock, nowMs));
  }

  /** May a relay of this pair's key take so many bits? Null: yes, and `took` is to follow. */
  refusal(pair: PairName, bits: number, stock: LinkStock, nowMs: number): BudgetRefusal | null {
    const spare = this.spareBits(stock, nowMs);
    if (bits > spare) return "low";
    if (spare >= SHORT_BITS) return null;
    return this.#fairShare.mayTake(pair, spare, nowMs) ? null : "fair-share";
  }

  /** @param stock as it was before */
  took(pair: PairName, bits: number, stock: LinkStock, nowMs: number): void {
    if (this.spareBits(stock, nowMs) < SHORT_BITS) this.#fairShare.took(pair, bits, nowMs);
  }

  /** Too little is left over for it, and none could be brought in. */
  unserved(pair: PairName, nowMs: number): void {
    this.#fairShare.unserved(pair, nowMs);
  }

  #recentBits(nowMs: number): number {
    return this.#askedBits * Math.exp(-Math.max(0, nowMs - this.#askedMs) / FADES_MS);
  }
}
