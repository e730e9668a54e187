/** The objects' own standing alarms, as they have told them last: of which entity of the view they are. */
import { poolName } from "../ids.ts";
import type { Told } from "./alarm-facts.ts";
import type { Answers, RelayedPool } from "./answers.ts";
import { moduleNames } from "./answers.ts";
import type { WatchedNetwork } from "./network.ts";

interface Answer {
  readonly alarms?: Told["alarms"];
}

/** @param pairs the pools of relayed key */
export function toldAlarms(network: WatchedNetwork, pairs: readonly RelayedPool[], answers: Answers): Told[] {
  return [
    ...network.links.map((link) =>
      told({ kind: "link", id: link.id }, [
        ...link.shards.map((shard) => answers.pools.get(poolName(link.pair, shard))),
        ...moduleNames(link).map((name) => answers.modules.get(name)),
      ]),
    ),
    ...pairs.map(({ pair, shard }) => {
      const id = poolName(pair, shard);
      return told({ kind: "pair", id }, [answers.pools.get(id)]);
    }),
    ...network.nodes
      .filter(({ url }) => url === null)
      .flatMap(({ id, hasIpsecHost }) => [
        told({ kind: "node", id }, [answers.nodes.get(id)]),
        ...(hasIpsecHost ? [told({ kind: "ipsec", id }, [answers.ipsec.get(id)])] : []),
      ]),
    ...network.sites.map(({ id }) => told({ kind: "site", id }, [answers.hubs.get(id)])),
  ];
}

/** Null: it has not answered; undefined: it has not been asked. */
function told(of: Told["of"], answers: readonly (Answer | null | undefined)[]): Told {
  return {
    of,
    alarms: answers.flatMap((answer) => answer?.alarms ?? []),
    isWhole: answers.every((answer) => answer !== null && answer !== undefined),
  };
}
