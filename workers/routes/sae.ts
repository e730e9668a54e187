/** What the three ETSI 014 methods have in common. */
import { type Fault, fault, fail } from "../../shared/errors/errors.ts";
import type { PairName, SaeId } from "../../shared/ids.ts";
import type { KmsPeerEntry, Policy } from "../../shared/network/document.ts";
import { type Lookup, nodeId, saeId } from "../../shared/network/lookup.ts";
import { pairForEnc, type Route, routeBetween } from "../../shared/network/pairs.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { directoryCache, directoryOf } from "../clients/directory.ts";
import { announcingNode } from "../clients/trusted-node.ts";
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
  /** The KMS that serves it, where that is another. */
  readonly peer?: KmsPeerEntry;
}

/**
 * Where new keys of `caller` for `slave` come from. An SAE this isolate has not heard of is asked for at the Directory
 * (at most once a second), since it may have been added a moment ago. One that another deployment hosts must be announced
 * by its node: what the document says is only that it may be.
 * @returns `bad-request` for the caller itself, `unknown-sae`, `no-route`, `unavailable`
 */
export async function routeTo(
  call: AuthenticatedCall,
  caller: SaeCaller,
  slave: SaeId,
): Promise<Result<SlaveRoute, Fault>> {
  if (slave === caller.sae) return fail("bad-request", "slave_SAE_ID: is the calling SAE itself");
  let { lookup } = caller;
  let found = routeIn(lookup, caller.sae, slave);
  if (!found.ok && found.error.code === "unknown-sae") {
    lookup = (await directoryCache.afterMiss(directoryOf(call.env), lookup)) ?? lookup;
    found = routeIn(lookup, caller.sae, slave);
  }
  if (!found.ok) return err(found.error);
  const route = { ...found.value, slave };
  const absent = lookup.remoteSaes.has(slave) ? await absenceOf(call, lookup, route) : null;
  return absent === null ? ok(route) : err(absent);
}

/** Keys for an SAE that another KMS serves come to the node where that KMS sits, and are handed over to it there. */
function routeIn(lookup: Lookup, master: SaeId, slave: SaeId): Result<Omit<SlaveRoute, "slave">, Fault> {
  const peer = lookup.kmsPeerBySae.get(slave);
  const entry = lookup.saesById.get(master);
  if (peer === undefined || entry === undefined) return pairForEnc(lookup, master, slave);
  if (peer.url === undefined) return fail("no-route", `keys for SAEs of ${peer.id} are not handed over`);
  const route = routeBetween(lookup, nodeId(entry.node), nodeId(peer.node));
  return route.ok ? ok({ ...route.value, peer }) : route;
}

/** Why an SAE of another deployment gets no key now, or null. */
async function absenceOf({ env }: AuthenticatedCall, lookup: Lookup, route: SlaveRoute): Promise<Fault | null> {
  const { masterNode, slaveNode, slave: sae } = route;
  const announcing = await announcingNode(env, masterNode, { configVersion: lookup.sequence, sae });
  if (!announcing.ok) return announcing.error;
  if (announcing.value === slaveNode) return null;
  const message = `node ${slaveNode}, which another deployment hosts, does not announce this SAE at present`;
  return { ...fault("unavailable", message), retryAfterSeconds: 1 };
}

/** Faults of one of several SAEs shall name it. */
export const namingSae = (problem: Fault, sae: SaeId): Fault => ({
  ...fault(problem.code, `${sae}: ${problem.message}`),
  details: [{ additional_slave_SAE_ID: sae, message: problem.message }],
});

/** The mandated messages stay as they are: it is the details that name the SAE. */
export const unmetFor = (problem: Fault, sae: SaeId): Fault => ({
  ...problem,
  details: [...(problem.details ?? []), { additional_slave_SAE_ID: sae }],
});

/** Keys are looked for in a pool: a pair's, of one shard. */
export interface PoolRef {
  readonly pair: PairName;
  readonly shard: number;
}
