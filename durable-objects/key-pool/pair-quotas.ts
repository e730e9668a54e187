/** How the relay shards of a pair reach each other to count its quotas together. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { ClaimAnswer, HeldUsage, QuotaClaim, QuotaRpc } from "../../shared/keypool/quota-claims.ts";
import { CLAIMING_SHARDS, COUNTING_SHARD } from "../../shared/keypool/quota-claims.ts";
import { isRelayShard } from "../../shared/keypool/relay-shard.ts";
import type { PoolConfig, PoolResult } from "../../shared/keypool/types.ts";
import { asOwn, ok, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";
import { QuotaClaims } from "./quota-claims.ts";
import { QuotaCount } from "./quota-count.ts";
import type { PairQuotas } from "./quotas.ts";
import { quotasUnknown } from "./refusals.ts";
import type { Usages } from "./usage.ts";

interface Own {
  readonly shard: number;
  readonly usages: Usages;
  readonly config: () => PoolConfig;
}

/** @param at another shard of the pair; undefined: there is none */
export function pairQuotas({ shard, usages, config }: Own, at?: (shard: number) => QuotaRpc): PairQuotas | null {
  if (at === undefined || !isRelayShard(shard)) return null;
  const configVersion = () => config().version;
  if (shard === COUNTING_SHARD) {
    const heldBy = (other: number, master: QuotaClaim["master"]) =>
      reached(() => at(other).heldUsage({ configVersion: configVersion(), master }));
    return { count: new QuotaCount({ configVersion, heldBy }) };
  }
  const claims = new QuotaClaims({
    usageOf: (master) => usages.of(master),
    claim: (call) => reached(() => at(COUNTING_SHARD).claimQuota({ configVersion: configVersion(), shard, ...call })),
  });
  return { claims };
}

/** As `QuotaRpc.claimQuota`. */
export async function judgeClaim(pool: PoolContext, claim: QuotaClaim): Promise<Result<ClaimAnswer, Fault>> {
  const { ofPair } = pool.quotas;
  if (ofPair === null || !("count" in ofPair) || !CLAIMING_SHARDS.includes(claim.shard)) return notHere();
  const { count } = ofPair;
  const { master, shard } = claim;
  if (count.others(master, shard) === undefined) {
    const looked = await count.look(master, shard);
    if (!looked.ok) return looked;
  }
  const judge = async () => await commit(pool, () => pool.quotas.judge(count, claim, Date.now()));
  const judged = await judge();
  const isRefused = judged.ok && judged.value.outcome === "refused";
  return isRefused && (await count.lookAgain(master, shard)) ? await judge() : judged;
}

/** As `QuotaRpc.heldUsage`. */
export function heldHere({ quotas }: PoolContext, master: QuotaClaim["master"]): Result<HeldUsage, Fault> {
  const { ofPair } = quotas;
  return ofPair !== null && "claims" in ofPair ? ok(ofPair.claims.held(master, Date.now())) : notHere();
}

const notHere = (): Result<never, Fault> => fail("no-route", "quotas of this pair are counted elsewhere");

async function reached<T>(ask: () => PoolResult<T>): PoolResult<T> {
  try {
    return asOwn(await ask());
  } catch {
    return quotasUnknown();
  }
}
