/** A node as operators see it. */
import type * as v from "valibot";
import type { NodeRouteSchema, NodeSchema, NodesSchema } from "../../shared/api/node-schemas.ts";
import { instant } from "../../shared/instant.ts";
import type { NodeEntry } from "../../shared/network/document.ts";
import type { Lookup } from "../../shared/network/lookup.ts";
import { NODE_ALARMS, type NodeAlarm } from "../../shared/relay/alarms.ts";
import type { Avoidance, HeardOfNode, NodeStatus, OwnLinkStatus } from "../../shared/relay/node-status.ts";
import type { RelayRoute } from "../../shared/relay/types.ts";

export const listedBody = (
  { saesByNode, neighbours }: Lookup,
  { id, remote }: NodeEntry,
): v.InferOutput<typeof NodesSchema>["nodes"][number] => ({
  node: id,
  hosted: remote === undefined,
  url: remote?.url ?? null,
  saes: remote?.saes.length ?? saesByNode.get(id)?.length ?? 0,
  neighbours: [...(neighbours.get(id) ?? [])],
});

export const hostedBody = (status: NodeStatus): v.InferOutput<typeof NodeSchema> => ({
  node: status.node,
  hosted: true,
  url: null,
  relay_enabled: status.isRelayEnabled,
  links: status.links.map(linkBody),
  heard: status.heard.map((heard) => ({ node: heard.node, hosted: heard.isHosted, ...heardBody(heard) })),
  not_heard: status.unheard.map(({ node, isHosted }) => ({ node, hosted: isHosted })),
  avoided: status.avoided.map(avoidedBody),
  relays: {
    since: instant(status.relays.sinceMs),
    keys: status.relays.keys,
    troubles: status.relays.troubles,
    steps: status.relays.steps,
  },
  alarms: status.alarms.map(alarmBody),
});

const linkBody = ({ link, peer, state, problem }: OwnLinkStatus) => ({
  link,
  peer,
  available_bits: state?.availableBits ?? null,
  key_rate_bps: state?.keyRateBps ?? null,
  qber: state?.qber ?? null,
  usable: problem === null,
  problem,
});

export const heardBody = ({ sequence, ageMs, links, saes, isSigned }: HeardOfNode) => ({
  sequence,
  age_ms: ageMs,
  links,
  saes,
  signed: isSigned,
});

const avoidedBody = (avoidance: Avoidance) => ({
  link: "link" in avoidance ? avoidance.link : null,
  node: "node" in avoidance ? avoidance.node : null,
  left_ms: avoidance.leftMs,
});

const alarmBody = ({ code, subject, firstMs, lastMs, count, detail }: NodeAlarm) => ({
  code,
  meaning: NODE_ALARMS[code],
  subject,
  first: instant(firstMs),
  last: instant(lastMs),
  count,
  detail,
});

export const routeBody = (
  asked: Pick<v.InferOutput<typeof NodeRouteSchema>, "from" | "to" | "disjoint_paths">,
  { paths, cut, custody }: RelayRoute,
): v.InferOutput<typeof NodeRouteSchema> => ({
  ...asked,
  paths: paths.map(({ nodes, links, cost }) => ({ nodes: [...nodes], links: [...links], hops: links.length, cost })),
  cut: [...cut],
  custody,
});
