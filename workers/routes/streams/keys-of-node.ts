/** How many keys there are at a node, as qkd-module's /available_keys asks without naming a stream. */
import { principalName } from "../../../shared/auth/principal.ts";
import type { Fault } from "../../../shared/errors/errors.ts";
import type { NodeId } from "../../../shared/ids.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { routeBetween, shardsOf } from "../../../shared/network/pairs.ts";
import { allOf, ok, type Result } from "../../../shared/result.ts";
import type { AuthenticatedCall } from "../handler.ts";
import { poolStatuses } from "../pool-status.ts";

/** Of the policy's default size, over its first LIMITS.availableKeysLinks links; what is relayed is made when it is used. */
export async function keysOfNode(
  { env, caller: { lookup, grant } }: AuthenticatedCall,
  node: NodeId,
): Promise<Result<number, Fault>> {
  const call = { configVersion: lookup.sequence, principal: principalName(grant.principal) };
  const neighbours = (lookup.neighbours.get(node) ?? []).slice(0, LIMITS.availableKeysLinks);
  const links = allOf(
    await Promise.all(
      neighbours.map(async (neighbour) => {
        const route = routeBetween(lookup, node, neighbour);
        return route.ok ? await poolStatuses(env, route.value.pair, shardsOf(route.value), call) : route;
      }),
    ),
  );
  if (!links.ok) return links;
  const bits = links.value.flat().reduce((sum, { ledgerBits }) => sum + ledgerBits.available, 0);
  return ok(Math.floor(bits / lookup.policy.key_size_bits.default));
}
