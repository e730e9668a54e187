/** The side of a relay shard that has its pair's quotas counted by another: what it was granted and has not given yet. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { SaeId } from "../../shared/ids.ts";
import { dayOf, type QuotaRefusal, taken, type Usage, type Wish } from "../../shared/keypool/quota.ts";
import type { ClaimAnswer, HeldUsage, QuotaClaim } from "../../shared/keypool/quota-claims.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { busy, quotasUnknown } from "./refusals.ts";

interface ClaimsParts {
  /** What this shard has given, as its own tables have it. */
  readonly usageOf: (master: SaeId) => Usage;
  /** Asks the counting shard. Does not throw. */
  readonly claim: (
    claim: Pick<QuotaClaim, "master" | "held" | "wish" | "materialBits">,
  ) => Promise<Result<ClaimAnswer, Fault>>;
}

interface Granted extends Wish {
  readonly day: number;
}

interface Claim {
  readonly master: SaeId;
  readonly wish: Wish;
}

/** Of claims that the counting shard knows later words than. */
const ATTEMPTS = 2;

export class QuotaClaims {
  readonly #parts: ClaimsParts;
  /** Given to nobody yet. In memory: what a crash leaves of them, nobody is given. */
  readonly #granted = new Map<SaeId, Granted>();
  /** Under way: it may have been granted. One at a time, so that each says what came of the one before. */
  #underWay: Claim | null = null;
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #version = Date.now();

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
  }

  /** May it be given so much? */
  holds(master: SaeId, { keys, bits }: Wish, nowMs: number): boolean {
    const granted = this.#grantedTo(master, nowMs);
    return granted.keys >= keys && granted.bits >= bits;
  }

  /** It was given, or is given up. */
  spend(master: SaeId, { keys, bits }: Wish, nowMs: number): void {
    const granted = this.#grantedTo(master, nowMs);
    const left = { ...granted, keys: Math.max(0, granted.keys - keys), bits: Math.max(0, granted.bits - bits) };
    this.#granted.delete(master);
    if (left.keys > 0) this.#granted.set(master, left);
  }

  /** As another shard is told of it. */
  held(master: SaeId, nowMs: number): HeldUsage {
    const { keys, bits } = this.#grantedTo(master, nowMs);
    const settled = taken(this.#parts.usageOf(master), { keys, bits }, nowMs);
    const usage = this.#underWay?.master === master ? taken(settled, this.#underWay.wish, nowMs) : settled;
    return { version: ++this.#version, usage };
  }

  /** @returns why not; null: it may be given from now on */
  async claim(claim: Claim, materialBits: number): Promise<Result<QuotaRefusal | null, Fault>> {
    if (this.#waiting >= LIMITS.relayWaiting) return busy();
    this.#waiting += 1;
    const turn = this.#line.then(async () => await this.#ask(claim, materialBits));
    this.#line = turn.catch(() => null);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #ask(claim: Claim, materialBits: number): Promise<Result<QuotaRefusal | null, Fault>> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const nowMs = Date.now();
      const held = this.held(claim.master, nowMs);
      this.#underWay = claim;
      const answer = await this.#parts.claim({ ...claim, held, materialBits });
      this.#underWay = null;
      if (!answer.ok) return answer;
      if (answer.value.outcome === "refused") return ok(answer.value.refusal);
      if (answer.value.outcome === "granted") {
        this.#grant(claim, nowMs);
        return ok(null);
      }
      this.#version = Math.max(this.#version, answer.value.version);
    }
    return quotasUnknown();
  }

  #grant({ master, wish }: Claim, nowMs: number): void {
    const { day, keys, bits } = this.#grantedTo(master, nowMs);
    this.#granted.set(master, { day, keys: keys + wish.keys, bits: bits + wish.bits });
    const [oldest] = this.#granted.keys();
    if (this.#granted.size > LIMITS.cachedUsages && oldest !== undefined) this.#granted.delete(oldest);
  }

  /** What was granted for a day that is over is void. */
  #grantedTo(master: SaeId, nowMs: number): Granted {
    const day = dayOf(nowMs);
    const granted = this.#granted.get(master);
    return granted?.day === day ? granted : { day, keys: 0, bits: 0 };
  }
}
