/** What the deployment's objects have answered the Monitor last, and which of them it asks. */
import { type PairName, poolName } from "../ids.ts";
import type { ProxyAgentCounts } from "../ipsec/types.ts";
import type { PoolStatus } from "../keypool/types.ts";
import { hasModules } from "../network/module-config.ts";
import { DEPLOYMENT_LOG } from "../network/reserved.ts";
import { type ModuleAnswer, moduleName } from "../qkd-module/rpc.ts";
import type { NodeStatus } from "../relay/node-status.ts";
import type { TunnelStatus } from "../tunnel/types.ts";
import type { WatchedNetwork } from "./network.ts";

/** An object to be asked, by its name. */
export interface Target {
  readonly kind: "pool" | "module" | "node" | "ipsec" | "hub" | "audit";
  readonly name: string;
}

export interface RelayedPool {
  readonly pair: PairName;
  readonly shard: number;
}

/** By name. Null: it has not answered the last time; absent: it has not been asked yet. */
type Answered<T> = ReadonlyMap<string, T | null>;

export interface Answers {
  readonly pools: Answered<PoolStatus>;
  readonly modules: Answered<ModuleAnswer>;
  readonly nodes: Answered<NodeStatus>;
  readonly ipsec: Answered<ProxyAgentCounts>;
  readonly hubs: Answered<TunnelStatus>;
}

export function targetsOf(network: WatchedNetwork, pairs: readonly RelayedPool[]): Target[] {
  const hosted = network.nodes.filter(({ url }) => url === null);
  const links = network.links.filter(({ isElsewhere }) => !isElsewhere);
  const pools = links.flatMap(({ pair, shards }) => shards.map((shard) => ({ pair, shard })));
  const named = (kind: Target["kind"], names: readonly string[]) => names.map((name) => ({ kind, name }));
  return [
    ...named(
      "pool",
      [...pools, ...pairs].map(({ pair, shard }) => poolName(pair, shard)),
    ),
    ...named("module", links.flatMap(moduleNames)),
    ...named(
      "node",
      hosted.map(({ id }) => id),
    ),
    ...named(
      "ipsec",
      hosted.filter(({ hasIpsecHost }) => hasIpsecHost).map(({ id }) => id),
    ),
    ...named(
      "hub",
      network.sites.map(({ id }) => id),
    ),
    ...named("audit", [DEPLOYMENT_LOG, ...hosted.map(({ id }) => id)]),
  ];
}

/** Of a link whose two ends the edge simulates. */
export const moduleNames = ({ id, nodes, source }: WatchedNetwork["links"][number]): readonly string[] =>
  hasModules({ source }) ? nodes.map((node) => moduleName(id, node)) : [];
