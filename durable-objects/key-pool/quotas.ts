/**
 * May a principal have these keys? Asked inside the commit that would cut them, so that those cut just before count.
 * Where nobody is limited and the pool is not short, nothing is looked up.
 */
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { FairShare } from "../../shared/keypool/fair-share.ts";
import { type Quota, type QuotaRefusal, quotaOf, refusalOf, taken, type Wish } from "../../shared/keypool/quota.ts";
import { type ClaimAnswer, type QuotaClaim, sumOfUsage } from "../../shared/keypool/quota-claims.ts";
import type { EncKeysCall, PoolConfig } from "../../shared/keypool/types.ts";
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Books } from "./books.ts";
import type { QuotaClaims } from "./quota-claims.ts";
import type { QuotaCount } from "./quota-count.ts";
import { notEnoughKeys, quotasUnknown } from "./refusals.ts";
import { RefusalCounter } from "./refusal-counter.ts";
import type { Usages } from "./usage.ts";

/** Who asks for how many keys, in whose name. */
export type KeyWish = Pick<EncKeysCall, "principal" | "master" | "masterNode" | "count" | "sizeBits">;

/** Of relay shards: one of a pair counts for all of them. */
export type PairQuotas = { readonly count: QuotaCount } | { readonly claims: QuotaClaims };

interface QuotaParts {
  readonly usages: Usages;
  readonly books: Books;
  readonly config: () => PoolConfig;
  /** Of relayed key: can none be brought in at present? */
  readonly isCutOff: () => boolean;
  /** Somebody has asked for so much: it was cut, or there is too little. */
  readonly asked: (bits: number, nowMs: number) => void;
  /** Null: the shard counts for itself. */
  readonly ofPair: PairQuotas | null;
  readonly commit: (work: () => Result<null, Fault>) => Promise<Result<null, Fault>>;
}

export class Quotas {
  readonly #parts: QuotaParts;
  readonly #fairShare = new FairShare(LIMITS.sharingPrincipals);
  readonly #refusals = new RefusalCounter();
  /** Of those who do not wait for their claims. */
  readonly #claiming = new Set<SaeId>();
  /** Of the configuration of that version. */
  readonly #quotas = new Map<SaeId, Quota>();
  #version = -1;

  constructor(parts: QuotaParts) {
    this.#parts = parts;
  }

  get ofPair(): PairQuotas | null {
    return this.#parts.ofPair;
  }

  /**
   * False: what the pair's other shards of relayed key have given decides, too, and is not known here; `claim` it. To be
   * asked inside the commit, before `refusal`.
   */
  isClaimed(call: KeyWish, nowMs: number): boolean {
    const { ofPair, usages } = this.#parts;
    if (ofPair === null || !usages.limited || !isLimit(this.#quotaOf(call.master))) return true;
    if ("claims" in ofPair) return ofPair.claims.holds(call.master, wishOf(call), nowMs);
    return ofPair.count.others(call.master) !== undefined;
  }

  /** Asks the pair's other shards of relayed key. @returns why the keys may not be given */
  async claim(call: KeyWish): Promise<Result<null, Fault>> {
    const { ofPair, books } = this.#parts;
    if (ofPair === null) return ok(null);
    if ("count" in ofPair) return await ofPair.count.look(call.master);
    const wish = wishOf(call);
    // What is missing is brought in before the keys are cut.
    const comingBits = books.has(wish.bits / 8) ? 0 : wish.bits;
    const claimed = await ofPair.claims.claim({ master: call.master, wish }, this.#materialOf(comingBits));
    if (!claimed.ok) return claimed;
    const refused = claimed.value;
    if (refused === null) return ok(null);
    return await this.#parts.commit(() => {
      this.#audit(call, refused.quota, Date.now());
      return err(faultOf(refused));
    });
  }

  /** For who does not wait for it, and asks again. */
  claimLater(call: KeyWish): void {
    const { master } = call;
    if (this.#claiming.has(master)) return;
    this.#claiming.add(master);
    const ended = this.claim(call).catch(() => null);
    void ended.finally(() => this.#claiming.delete(master));
  }

  /** It was refused: what others have given may have been fetched by now. @returns whether to try again */
  async isWorthAnotherTry(call: KeyWish): Promise<boolean> {
    const { ofPair } = this.#parts;
    return ofPair !== null && "count" in ofPair && (await ofPair.count.lookAgain(call.master));
  }

  /** The keys that were claimed are not cut after all. */
  release(call: KeyWish, nowMs: number): void {
    const { ofPair } = this.#parts;
    if (ofPair !== null && "claims" in ofPair) ofPair.claims.spend(call.master, wishOf(call), nowMs);
  }

  /** Another shard's claim, at the one that counts; `look` has been had. To be asked inside a commit. */
  judge(
    count: QuotaCount,
    { shard, master, held, wish, materialBits }: QuotaClaim,
    nowMs: number,
  ): Result<ClaimAnswer, Fault> {
    const version = count.versionOf(shard, master);
    if (held.version < version) return ok({ outcome: "outdated", version });
    count.told(shard, master, held);
    const { usages } = this.#parts;
    const others = usages.limited ? count.others(master) : [];
    // The configuration has changed since.
    if (others === undefined) return quotasUnknown();
    const usage = sumOfUsage([usages.of(master), ...others], nowMs);
    const refusal = refusalOf(this.#quotaOf(master), usage, wish, { materialBits, nowMs });
    if (refusal !== null) return ok({ outcome: "refused", refusal });
    count.told(shard, master, { ...held, usage: taken(held.usage, wish, nowMs) });
    return ok({ outcome: "granted" });
  }

  /** Why not; null where it may, and where the pool has too little anyhow. */
  refusal(call: KeyWish, nowMs: number): Fault | null {
    const limited = this.#parts.usages.limited;
    if (!limited && !this.isShort) return null;
    const bits = call.count * call.sizeBits;
    const refused = limited ? this.#beyondQuota(call, nowMs) : null;
    if (refused !== null) {
      this.#audit(call, refused.quota, nowMs);
      return faultOf(refused);
    }
    if (!this.isShort || !this.#parts.books.has(bits / 8)) return null;
    const { available } = this.#parts.books.totals.ledger;
    if (this.#fairShare.mayTake(call.master, available, nowMs)) return null;
    this.#audit(call, "fair_share", nowMs);
    return notEnoughKeys().error;
  }

  /** The keys were cut. */
  took(call: KeyWish, nowMs: number): void {
    this.#parts.usages.took(call.master, call.count, nowMs);
    this.release(call, nowMs);
    this.#parts.asked(call.count * call.sizeBits, nowMs);
    if (this.isShort) this.#fairShare.took(call.master, call.count * call.sizeBits, nowMs);
  }

  /** There are too few for it, and none could be brought in. */
  unserved(call: KeyWish, nowMs: number): void {
    this.#parts.asked(call.count * call.sizeBits, nowMs);
    if (this.isShort) this.#fairShare.unserved(call.master, nowMs);
  }

  /** Within one node keys are made, and over other nodes brought in, when they are asked for: there is nothing to share. */
  get isShort(): boolean {
    const { source, policy } = this.#parts.config();
    if (source === "local" || (source === "relay" && !this.#parts.isCutOff())) return false;
    return this.#parts.books.totals.ledger.available < policy.pool.low_bytes * 8;
  }

  #beyondQuota(call: KeyWish, nowMs: number): QuotaRefusal | null {
    const { ofPair, usages, books } = this.#parts;
    // Judged when it was claimed.
    if (ofPair !== null && "claims" in ofPair) return null;
    const wish = wishOf(call);
    const others = ofPair?.count.others(call.master) ?? [];
    const usage = sumOfUsage([usages.of(call.master), ...others], nowMs);
    const now = { materialBits: this.#materialOf(0), nowMs };
    const refused = refusalOf(this.#quotaOf(call.master), usage, wish, now);
    // An empty pool is filled before anybody's share of it is judged.
    return refused?.quota === "pool_share" && !books.has(wish.bits / 8) ? null : refused;
  }

  /** Of relayed key little lies at hand, and more comes when it is asked for: as much as other pools are filled up to. */
  #materialOf(comingBits: number): number {
    const { available, reserved, pending } = this.#parts.books.totals.ledger;
    const { source, policy } = this.#parts.config();
    const bits = available + reserved + pending + comingBits;
    return Math.max(bits, source === "relay" ? policy.pool.high_bytes * 8 : 0);
  }

  #quotaOf(sae: SaeId): Quota {
    const { version, policy, link, source } = this.#parts.config();
    if (version !== this.#version || this.#quotas.size >= LIMITS.cachedUsages) {
      this.#quotas.clear();
      this.#version = version;
    }
    let quota = this.#quotas.get(sae);
    if (quota === undefined) {
      const { keysPerDay, poolShare } = quotaOf(policy, sae, link);
      quota = { keysPerDay, poolShare: source === "local" ? 1 : poolShare };
      this.#quotas.set(sae, quota);
    }
    return quota;
  }

  #audit(call: KeyWish, reason: string, nowMs: number): void {
    const refusals = this.#refusals.count(call.master, reason, nowMs);
    if (refusals === 0) return;
    this.#parts.books.audit({
      atMs: nowMs,
      act: "keys.refused",
      who: call.principal,
      node: call.masterNode,
      detail: { reason, refusals, keys: call.count, size_bits: call.sizeBits, pool: this.#parts.config().pair },
    });
  }
}

const wishOf = ({ count, sizeBits }: KeyWish): Wish => ({ keys: count, bits: count * sizeBits });

const isLimit = ({ keysPerDay, poolShare }: Quota): boolean => keysPerDay < Infinity || poolShare < 1;

const faultOf = ({ message, retryAfterSeconds }: QuotaRefusal): Fault =>
  retryAfterSeconds === null ? fault("bad-request", message) : { ...fault("over-quota", message), retryAfterSeconds };
