/** The stocks of all links and pairs whose pools have answered, by `link:ID` and `pair:ID`. */
import { poolName } from "../ids.ts";
import type { Answers, RelayedPool } from "./answers.ts";
import type { WatchedNetwork } from "./network.ts";
import { ledgerOf } from "./pool-views.ts";
import { type Stock, stockOf } from "./rates.ts";

export function stocksOf(
  network: WatchedNetwork,
  pairs: readonly RelayedPool[],
  { pools }: Pick<Answers, "pools">,
  nowMs: number,
): ReadonlyMap<string, Stock> {
  const named = [
    ...network.links.map(
      ({ id, pair, shards }) => [`link:${id}`, shards.map((shard) => poolName(pair, shard))] as const,
    ),
    ...pairs.map(({ pair, shard }) => [`pair:${poolName(pair, shard)}`, [poolName(pair, shard)]] as const),
  ];
  return new Map(
    named.flatMap(([id, names]) => {
      const known = names.flatMap((name) => pools.get(name) ?? []);
      return known.length < names.length ? [] : [[id, stockOf(ledgerOf(known), nowMs)] as const];
    }),
  );
}
