/** Nodes: what they hear of each other, how they would relay, and their alarms. For operators. */
import type * as v from "valibot";
import type { NodeSchema } from "../../shared/api/node-schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { MAX_DISJOINT_PATHS } from "../../shared/keypool/relay-shard.ts";
import { LIMITS } from "../../shared/limits.ts";
import { isHosted, type Lookup, nodeId } from "../../shared/network/lookup.ts";
import { isNodeAlarmCode } from "../../shared/relay/alarms.ts";
import { ok, type Result } from "../../shared/result.ts";
import { clearNodeAlarms, nodeStatus, relayRoute } from "../clients/trusted-node.ts";
import type { Env } from "../env.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { heardBody, hostedBody, listedBody, routeBody } from "./node-body.ts";
import { queryInteger } from "./query.ts";

const NOT_HOSTED = fail("not-found", "this deployment hosts no such node");

/** The node of the path, if it is hosted here. */
function hostedNode({ path, caller }: AuthenticatedCall): Result<NodeId, Fault> {
  const { node = "" } = path;
  return isHosted(caller.lookup, node) ? ok(nodeId(node)) : NOT_HOSTED;
}

export async function getNodes({ caller }: AuthenticatedCall): Reply {
  const { lookup } = caller;
  const nodes = lookup.snapshot.document.nodes.map((node) => listedBody(lookup, node));
  return await Promise.resolve(ok(respondJson({ nodes })));
}

export async function getNode({ env, path, caller }: AuthenticatedCall): Reply {
  const { lookup } = caller;
  const entry = lookup.nodesById.get(path["node"] ?? "");
  if (entry === undefined) return fail("not-found", "no such node");
  const id = nodeId(entry.id);
  if (entry.remote !== undefined) return ok(respondJson(await remoteBody(env, lookup, id, entry.remote.url)));
  const status = await nodeStatus(env, id, { configVersion: lookup.sequence });
  return status.ok ? ok(respondJson(hostedBody(status.value))) : status;
}

/** What the first node here says that has heard of it: neighbours hear of it first. */
async function remoteBody(
  env: Env,
  lookup: Lookup,
  node: NodeId,
  url: string,
): Promise<v.InferOutput<typeof NodeSchema>> {
  let answered: NodeId | null = null;
  for (const asked of witnesses(lookup, node)) {
    // The next one only where that does not know.
    // oxlint-disable-next-line no-await-in-loop
    const status = await nodeStatus(env, asked, { configVersion: lookup.sequence });
    if (!status.ok) continue;
    answered ??= asked;
    const heard = status.value.heard.find((each) => each.node === node);
    if (heard !== undefined) return { node, hosted: false, url, asked, heard: heardBody(heard) };
  }
  return { node, hosted: false, url, asked: answered, heard: null };
}

/** Hosted nodes to ask of a node elsewhere: its neighbours before others. */
function witnesses(lookup: Lookup, node: NodeId): readonly NodeId[] {
  const all = lookup.snapshot.document.nodes.map(({ id }) => nodeId(id));
  const asked = new Set([...(lookup.neighbours.get(node) ?? []), ...all]);
  return [...asked].filter((id) => isHosted(lookup, id)).slice(0, LIMITS.witnessesAsked);
}

export async function getNodeRoute(call: AuthenticatedCall): Reply {
  const { env, path, query, caller } = call;
  const from = hostedNode(call);
  if (!from.ok) return from;
  const target = caller.lookup.nodesById.get(path["target"] ?? "");
  if (target === undefined) return fail("not-found", "no such target");
  const count = queryInteger(query, "disjoint_paths", { min: 1, max: MAX_DISJOINT_PATHS });
  if (!count.ok) return count;
  const [to, disjointPaths] = [nodeId(target.id), count.value ?? 1];
  const route = await relayRoute(env, from.value, { configVersion: caller.lookup.sequence, node: to, disjointPaths });
  if (!route.ok) return route;
  return ok(respondJson(routeBody({ from: from.value, to, disjoint_paths: disjointPaths }, route.value)));
}

export async function deleteNodeAlarms(call: AuthenticatedCall): Reply {
  const node = hostedNode(call);
  if (!node.ok) return node;
  const code = call.path["code"] ?? "";
  if (!isNodeAlarmCode(code)) return fail("not-found", "no alarm has this code");
  const principal = principalName(call.caller.grant.principal);
  const cleared = await clearNodeAlarms(call.env, node.value, { code, principal });
  return cleared.ok ? ok(respondJson(cleared.value)) : cleared;
}
