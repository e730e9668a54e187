/** What the extensions of a Key request are judged by: how the nodes are connected, asked only where a wish depends on it. */
import type { Fault } from "../../shared/errors/errors.ts";
import {
  type Connection,
  dependsOnPaths,
  type RouteType,
  type Wishes,
  wishesOf,
} from "../../shared/etsi014/extensions.ts";
import type { Connections, KeyRequest } from "../../shared/etsi014/key-request.ts";
import type { Route } from "../../shared/network/pairs.ts";
import { ok, type Result } from "../../shared/result.ts";
import { relayRoute } from "../clients/trusted-node.ts";
import type { Env } from "../env.ts";

const ROUTE_TYPES = { "same-node": "same-node", link: "direct", relay: "relay" } as const satisfies Record<
  Route["kind"],
  RouteType
>;
const NOT_CONNECTED: Connection = { route: "none", relayPaths: null, pathHops: null };

/**
 * For one recipient of the keys.
 * @param route `no-route` is something to judge by; of an SAE that is not known there is nothing to say
 * @returns a fault where the node could not be asked
 */
export async function connectionsOf(
  env: Env,
  configVersion: number,
  route: Result<Route, Fault>,
  request: KeyRequest,
): Promise<Result<Connections | null, Fault>> {
  if (!route.ok) return ok(route.error.code === "no-route" ? { mandatory: NOT_CONNECTED, all: NOT_CONNECTED } : null);
  const firm = wishesOf(request.mandatory);
  const mandatory = await connectionFor(env, configVersion, route.value, firm);
  if (!mandatory.ok) return mandatory;
  if (request.optional.length === 0) return ok({ mandatory: mandatory.value, all: mandatory.value });
  const all = await connectionFor(env, configVersion, route.value, wishesOf(request.optional, firm));
  return all.ok ? ok({ mandatory: mandatory.value, all: all.value }) : all;
}

async function connectionFor(
  env: Env,
  configVersion: number,
  { kind, relayPaths, masterNode, slaveNode }: Route,
  wishes: Wishes,
): Promise<Result<Connection, Fault>> {
  const connection = { route: ROUTE_TYPES[kind], relayPaths };
  if (!dependsOnPaths(wishes, connection)) return ok({ ...connection, pathHops: null });
  const disjointPaths = Math.max(wishes.disjointPaths, relayPaths ?? 1);
  const found = await relayRoute(env, masterNode, { configVersion, node: slaveNode, disjointPaths });
  if (!found.ok) return found;
  const { paths, fewer = paths } = found.value;
  return ok({ ...connection, pathHops: fewer.map(({ links }) => links.length) });
}
