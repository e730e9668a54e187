/** ETSI GS QKD 014 clause 5.2, Get status. */
import { statusObject } from "../../shared/etsi014/status.ts";
import type { LinkId, NodeId } from "../../shared/ids.ts";
import { kmeIdOf, type Lookup } from "../../shared/network/lookup.ts";
import { ok } from "../../shared/result.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { poolStatuses } from "./pool-status.ts";
import { pathSae, routeTo, saeCaller, shardsOf } from "./sae.ts";

const kmeOf = (lookup: Lookup, node: NodeId): string => kmeIdOf(lookup.nodesById.get(node) ?? { id: node });

export async function getStatus(call: AuthenticatedCall): Reply {
  const caller = saeCaller(call);
  if (!caller.ok) return caller;
  const { sae, principal, policy, lookup } = caller.value;
  const route = await routeTo(call, caller.value, pathSae(call, "slave_SAE_ID"));
  if (!route.ok) return route;
  const { pair, link, masterNode, slaveNode, slave } = route.value;
  const statusCall = { configVersion: lookup.sequence, principal };
  const pools = await poolStatuses(call.env, pair, shardsOf(route.value), statusCall);
  if (!pools.ok) return pools;
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
      }),
    ),
  );
}
