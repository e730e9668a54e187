/**
 * May a principal have these keys? Asked inside the commit that would cut them, so that those cut just before count.
 * Where nobody is limited and the pool is not short, nothing is looked up.
 */
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { FairShare } from "../../shared/keypool/fair-share.ts";
import { type Quota, type QuotaRefusal, quotaOf, refusalOf } from "../../shared/keypool/quota.ts";
import type { EncKeysCall, PoolConfig } from "../../shared/keypool/types.ts";
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Books } from "./books.ts";
import { notEnoughKeys } from "./refusals.ts";
import { RefusalCounter } from "./refusal-counter.ts";
import type { Usages } from "./usage.ts";

/** Who asks for how many keys, in whose name. */
export type KeyWish = Pick<EncKeysCall, "principal" | "master" | "masterNode" | "count" | "sizeBits">;

interface QuotaParts {
  readonly usages: Usages;
  readonly books: Books;
  readonly config: () => PoolConfig;
}

export class Quotas {
  readonly #parts: QuotaParts;
  readonly #fairShare = new FairShare(LIMITS.sharingPrincipals);
  readonly #refusals = new RefusalCounter();
  /** Of the configuration of that version. */
  readonly #quotas = new Map<SaeId, Quota>();
  #version = -1;

  constructor(parts: QuotaParts) {
    this.#parts = parts;
  }

  /** Why not; null where it may, and where the pool has too little anyhow. */
  refusal(call: KeyWish, nowMs: number): Fault | null {
    const limited = this.#parts.usages.limited;
    if (!limited && !this.isShort) return null;
    const bits = call.count * call.sizeBits;
    const refused = limited ? this.#beyondQuota(call, bits, nowMs) : null;
    if (refused !== null) {
      this.#audit(call, refused.quota, nowMs);
      const { message, retryAfterSeconds } = refused;
      return retryAfterSeconds === null
        ? fault("bad-request", message)
        : { ...fault("not-enough-keys", message), retryAfterSeconds };
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
    if (this.isShort) this.#fairShare.took(call.master, call.count * call.sizeBits, nowMs);
  }

  /** There are too few for it, and none could be brought in. */
  unserved(call: KeyWish, nowMs: number): void {
    if (this.isShort) this.#fairShare.unserved(call.master, nowMs);
  }

  /** Within one node keys are made when they are asked for: there is nothing to share. */
  get isShort(): boolean {
    const { source, policy } = this.#parts.config();
    return source !== "local" && this.#parts.books.totals.ledger.available < policy.pool.low_bytes * 8;
  }

  #beyondQuota(call: KeyWish, bits: number, nowMs: number): QuotaRefusal | null {
    const quota = this.#quotaOf(call.master);
    const usage = this.#parts.usages.of(call.master);
    const { available, reserved, pending } = this.#parts.books.totals.ledger;
    const refused = refusalOf(
      quota,
      usage,
      { keys: call.count, bits },
      { materialBits: available + reserved + pending, nowMs },
    );
    // An empty pool is filled before anybody's share of it is judged.
    return refused?.quota === "pool_share" && !this.#parts.books.has(bits / 8) ? null : refused;
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
