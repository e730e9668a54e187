/** What is under way: relays, as the nodes that began them tell, and key streams, as the pools tell. */
import type { MonitorRelay, MonitorStream } from "../api/monitor-schemas.ts";
import { pairName, pairOf, type NodeId } from "../ids.ts";
import { instant } from "../instant.ts";
import { LIMITS } from "../limits.ts";
import type { RecentRelay } from "../relay/node-status.ts";
import type { WatchedLink } from "./network.ts";
import type { Seen } from "./seen.ts";

/** The newest first. */
export function relayViews({ answers, network, nowMs }: Seen): MonitorRelay[] {
  const links = new Map(network.links.map((link) => [link.pair, link]));
  return [...answers.nodes.values()]
    .flatMap((node) => node?.recent ?? [])
    .filter(({ endedMs }) => endedMs === null || endedMs > nowMs - LIMITS.monitorRelaysMs)
    .sort((a, b) => b.beganMs - a.beganMs)
    .slice(0, LIMITS.monitorRelays)
    .map((relay) => relayView(relay, links));
}

function relayView(relay: RecentRelay, links: ReadonlyMap<string, WatchedLink>): MonitorRelay {
  const { id, path, bytes, beganMs, endedMs, trouble } = relay;
  return {
    id,
    from: path[0] ?? "",
    to: path.at(-1) ?? "",
    path: [...path],
    links: hopsOf(path).flatMap((pair) => links.get(pair)?.id ?? []),
    state: endedMs === null ? "running" : trouble === null ? "done" : "failed",
    reason: trouble,
    bits: 8 * bytes,
    at: instant(beganMs),
  };
}

const hopsOf = (path: readonly NodeId[]): readonly string[] =>
  path.slice(1).map((node, at) => pairName(pairOf(path[at] ?? node, node)));

export function streamViews({ answers }: Seen): MonitorStream[] {
  return [...answers.pools.values()]
    .flatMap((pool) => pool?.streams ?? [])
    .slice(0, LIMITS.monitorStreams)
    .map(({ ksid, nodes, saes, chunkBytes, delivered }) => ({
      id: ksid,
      nodes: [...nodes],
      saes: [...saes],
      chunk_bytes: chunkBytes,
      delivered_chunks: delivered,
    }));
}
