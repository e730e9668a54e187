/** What the three ETSI 014 methods have in common. */
import { type Fault, fault, fail } from "../../shared/errors/errors.ts";
import type { PairName, SaeId } from "../../shared/ids.ts";
import type { Policy } from "../../shared/network/document.ts";
import { type Lookup, saeId } from "../../shared/network/lookup.ts";
import { pairForEnc, type Route } from "../../shared/network/pairs.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { directoryCache, directoryOf } from "../clients/directory.ts";
import type { AuthenticatedCall } from "./handler.ts";

/** An SAE that calls, and the network it is seen in. */
export interface SaeCaller {
  readonly sae: SaeId;
  /** `principalName`, for rate limits and audit. */
  readonly principal: string;
  readonly lookup: Lookup;
  readonly policy: Policy;
}

/** @returns `unauthorised` for anybody but an SAE; the policy table lets nobody else come here. */
export function saeCaller({ caller }: AuthenticatedCall): Result<SaeCaller, Fault> {
  const { principal } = caller.grant;
  if (principal.role !== "sae") return fail("unauthorised", "key routes are for SAEs");
  const { lookup } = caller;
  return ok({ sae: principal.id, principal: `sae:${principal.id}`, lookup, policy: lookup.policy });
}

/** The path's SAE ID. Opaque; only its emptiness is a fault, and the router does not let that through. */
export const pathSae = (call: AuthenticatedCall, name: "slave_SAE_ID" | "master_SAE_ID"): SaeId =>
  saeId(call.path[name] ?? "");

/** A slave, and how its keys come to it. */
export interface SlaveRoute extends Route {
  readonly slave: SaeId;
}

/**
 * Where new keys of `caller` for `slave` come from. An SAE this isolate has not heard of is asked for at the Directory
 * (at most once a second), since it may have been added a moment ago.
 * @returns `bad-request` for the caller itself, `unknown-sae`, `no-route`
 */
export async function routeTo(
  call: AuthenticatedCall,
  caller: SaeCaller,
  slave: SaeId,
): Promise<Result<SlaveRoute, Fault>> {
  if (slave === caller.sae) return fail("bad-request", "slave_SAE_ID: is the calling SAE itself");
  let found = pairForEnc(caller.lookup, caller.sae, slave);
  if (!found.ok && found.error.code === "unknown-sae") {
    const newer = await directoryCache.afterMiss(directoryOf(call.env), caller.lookup);
    if (newer !== null) found = pairForEnc(newer, caller.sae, slave);
  }
  return found.ok ? ok({ ...found.value, slave }) : err(found.error);
}

/** Faults of one of several SAEs shall name it. */
export const namingSae = (problem: Fault, sae: SaeId): Fault => ({
  ...fault(problem.code, `${sae}: ${problem.message}`),
  details: [{ additional_slave_SAE_ID: sae, message: problem.message }],
});

/** KeyPool objects that give new keys of a route; the pool of one node has a single one. */
export const shardsOf = (route: { readonly link: { readonly shards: number } | null }): number =>
  route.link?.shards ?? 1;

/** Keys are looked for in a pool: a pair's, of one shard. */
export interface PoolRef {
  readonly pair: PairName;
  readonly shard: number;
}
