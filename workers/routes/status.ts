/** ETSI GS QKD 014 clause 5.2, Get status. */
import { type RelayFacts, statusObject } from "../../shared/etsi014/status.ts";
import type { LinkId, NodeId } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import type { PoolStatus } from "../../shared/keypool/types.ts";
import { kmeIdOf, type Lookup } from "../../shared/network/lookup.ts";
import { type Route, shardsOf } from "../../shared/network/pairs.ts";
import { ok } from "../../shared/result.ts";
import { relayRoute } from "../clients/trusted-node.ts";
import type { Env } from "../env.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { isLegacySae, legacyStatus } from "./legacy-keys.ts";
import { poolStatuses } from "./pool-status.ts";
import { isKmsUser, siteStatus } from "./open-qkd-network/keys-014.ts";
import { pathSae, routeTo, saeCaller } from "./sae.ts";

const kmeOf = (lookup: Lookup, node: NodeId): string => kmeIdOf(lookup.nodesById.get(node) ?? { id: node });

export async function getStatus(call: AuthenticatedCall): Reply {
  if (isKmsUser(call)) return await siteStatus(call);
  const caller = saeCaller(call);
  if (!caller.ok) return caller;
  const { sae, principal, policy, lookup } = caller.value;
  const wanted = pathSae(call, "slave_SAE_ID");
  if (isLegacySae(caller.value, wanted)) return legacyStatus(caller.value, wanted);
  const route = await routeTo(call, caller.value, wanted);
  if (!route.ok) return route;
  const { pair, link, masterNode, slaveNode, slave } = route.value;
  const statusCall = { configVersion: lookup.sequence, principal };
  const [pools, far] = await Promise.all([
    poolStatuses(call.env, pair, shardsOf(route.value), statusCall),
    link === null ? relayFacts(call.env, lookup.sequence, route.value) : null,
  ]);
  if (!pools.ok) return pools;
  const relay = link === null ? far : await factsBeside(call.env, statusCall, route.value, pools.value);
  return ok(
    respondJson(
      statusObject({
        sourceKme: kmeOf(lookup, masterNode),
        targetKme: kmeOf(lookup, slaveNode),
        master: sae,
        slave,
        policy,
        link: link === null ? null : (link.id as LinkId),
        pools: pools.value,
        ...(relay === null ? {} : { relay }),
      }),
    ),
  );
}

/** Of a pair whose keys are relayed; a status does without the paths where the node that knows them does not answer. */
async function relayFacts(
  env: Env,
  configVersion: number,
  { relayPaths, masterNode, slaveNode }: Route,
): Promise<RelayFacts | null> {
  if (relayPaths === null) return null;
  const found = await relayRoute(env, masterNode, { configVersion, node: slaveNode, disjointPaths: relayPaths });
  return { disjointPaths: relayPaths, route: found.ok ? found.value : null };
}

/**
 * Of neighbours whose link is dry or cut, as long as they use key that comes around it. The pool of that is asked only
 * where the link has little: pairs that never need one have none.
 */
async function factsBeside(
  env: Env,
  call: { readonly configVersion: number; readonly principal: string },
  route: Route,
  ofLink: readonly PoolStatus[],
): Promise<RelayFacts | null> {
  const { pair, relayPaths } = route;
  const hasEnough = ofLink.some(({ level }) => level === "normal" || level === "high");
  if (relayPaths === null || hasEnough) return null;
  const pools = await poolStatuses(env, pair, [relayShardOf(relayPaths)], call);
  const beside = pools.ok ? pools.value[0]?.relay : undefined;
  if (beside === undefined || beside.targetBytes === 0) return null;
  const facts = await relayFacts(env, call.configVersion, route);
  return facts === null ? null : { ...facts, route: aroundLink(facts.route), beside };
}

/** The link itself is a path to others, and none to go around it. */
const aroundLink = (route: RelayFacts["route"]): RelayFacts["route"] =>
  route === null ? null : { ...route, paths: route.paths.filter(({ links }) => links.length > 1) };
